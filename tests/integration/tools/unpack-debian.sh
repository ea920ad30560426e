#!/usr/bin/env bash
# Unpack programs of a newer Debian suite into a folder; nothing is installed and no setting is changed.
#   unpack-debian.sh SUITE FOLDER PACKAGE...     for example: unpack-debian.sh sid tools cosign
#   ARCHITECTURE=arm64 unpack-debian.sh ...                        packages of another architecture
# They come from the mirror that this machine's apt uses, and apt checks them with Debian's archive keys.
set -euo pipefail

if (($# < 3)); then
    echo "usage: $0 SUITE FOLDER PACKAGE..." >&2
    exit 2
fi
suite=$1
mkdir -p "$2"
folder=$(realpath "$2")
shift 2

# The first source that is neither for security updates nor of another kind than a plain mirror.
mirror=$(apt-get indextargets --format '$(TARGET_OF) $(SITE) $(RELEASE)' |
    awk '$1 == "deb" && $2 ~ /^https?:/ && $3 !~ /security/ && !found { print $2; found = 1 }')
if [[ -z $mirror ]]; then
    echo "$0: apt on this machine has no mirror (apt-get update makes its list)" >&2
    exit 1
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/state/lists/partial" "$scratch/cache/archives/partial" "$scratch/empty"
touch "$scratch/status"
printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
    "$mirror" "$suite" /usr/share/keyrings/debian-archive-keyring.gpg >"$scratch/mirror.sources"
options=(
    -qq
    -o "Dir::Etc::sourcelist=$scratch/mirror.sources"
    -o "Dir::Etc::sourceparts=$scratch/empty"
    -o "Dir::State=$scratch/state"
    -o "Dir::State::status=$scratch/status"
    -o "Dir::Cache=$scratch/cache"
    -o "APT::Sandbox::User=$(id -un)"
    -o "APT::Architecture=${ARCHITECTURE:-$(dpkg --print-architecture)}"
    -o "APT::Architectures=${ARCHITECTURE:-$(dpkg --print-architecture)}"
    -o "Acquire::Languages=none"
    -o "Acquire::Retries=3"
)
apt-get "${options[@]}" update
cd "$scratch"
apt-get "${options[@]}" download "$@"
for package in "$scratch"/*.deb; do
    dpkg-deb --extract "$package" "$folder"
done
