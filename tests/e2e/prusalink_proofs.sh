#!/usr/bin/env bash
# The same as proofs.sh for PrusaLink servers.
SUBJECTS=prusalink . tests/e2e/proofs.sh
