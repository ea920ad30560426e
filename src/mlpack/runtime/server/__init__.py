"""One server for a verified bundle: every platform's protocol, one model, one contract.

A request goes `application` (HTTP: finds the protocol) or `rpc` (gRPC) → a protocol (reads rows) → `scoring`
(contract, queue, batches, deadline) → the Predictor → the protocol (writes answers). `processes` starts the
workers and keeps them alive; `counters` holds what they count, in memory that all of them share.
"""
