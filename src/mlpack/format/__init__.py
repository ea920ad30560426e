"""What a bundle is: documents as frozen values, the strict reader and the atomic writer."""
