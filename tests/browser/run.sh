#!/usr/bin/env bash
# Tests the pages of `pixelwise serve` in a browser: run.sh PIXELWISE, where PIXELWISE is the program to test.
#
# It needs node (20 or newer) and Chromium, and the packages of package-lock.json, which `npm ci` in this folder brings.
# Screenshots are left in target/browser, for human eyes.
set -euo pipefail
cd "$(dirname "$0")/../.."

program=$(realpath "${1:?run.sh PIXELWISE}")
chromium=${CHROMIUM:-$(command -v chromium || command -v google-chrome || true)}
[[ -n $chromium ]] || { echo "there is no Chromium (Debian: chromium); CHROMIUM may say where it is" >&2; exit 1; }
network=tests/golden/neural/squeezenet_fire/model.onnx

work=$(mktemp -d)
server=""
finish() {
    [[ -z $server ]] || kill "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

# Port 0 is one that is free; the server says which.
"$program" serve "$network" --port 0 >"$work/said" 2>&1 &
server=$!
address=""
while [[ -z $address ]]; do
    kill -0 "$server" 2>/dev/null || { cat "$work/said"; exit 1; }
    address=$(grep -o 'http://127\.0\.0\.1:[0-9]*' "$work/said" | head -n 1 || true)
    [[ -n $address ]] || sleep 0.1
done

export PIXELWISE=$program PIXELWISE_ADDRESS=$address PIXELWISE_NETWORK=$network CHROMIUM=$chromium
outcome=0
for tests in tests/browser/*.test.js; do
    node --test --test-reporter=spec "$tests" || outcome=1
done
[[ $outcome == 0 ]] || cat "$work/said"
exit $outcome
