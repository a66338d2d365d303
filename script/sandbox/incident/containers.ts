import { type AppContainer, appContainer, jobScript } from "../kamal.ts";

/**
 * A worker whose jobs a process outside runs (`worker.ts`): it prints what that process writes into
 * the file `log` of `folder`, errors on stderr. The file `life` changes with each start.
 */
export function workerContainer(version: string, folder: string, replica: number): AppContainer {
  return appContainer("worker", version, { script: workerScript, mount: `${folder}:/work`, replica });
}

/** The worker of the release before, which is stopped. */
export function previousWorker(version: string): AppContainer {
  return appContainer("worker", version, { script: jobScript("worker", 1), running: false });
}

/**
 * A worker that ends with an error again and again: at first every 12 seconds, so that a loop shows
 * soon, later about seven times in five minutes.
 */
export function payoutsWorker(version: string): AppContainer {
  return appContainer("payouts-worker", version, { script: payoutsScript });
}

const workerScript = `cd /work
: > log
exec 3< log
cat /proc/uptime > life.new
mv life.new life
while :; do
  while IFS= read -r line <&3; do
    case $line in
      *'"level":"error"'*) printf '%s\\n' "$line" >&2 ;;
      *) printf '%s\\n' "$line" ;;
    esac
  done
  sleep 0.1 & wait $!
done`;

// Docker restarts a container without a growing delay only if it ran for 10 seconds.
const payoutsScript = `life=$(($(cat /tmp/life 2> /dev/null || echo 0) + 1))
echo "$life" > /tmp/life
log() { printf '{"time":"%s","level":"%s","msg":"%s"%s}\\n' "$(date -u +%FT%TZ)" "$1" "$2" "$3"; }
log info "payouts-worker started" ",\\"release\\":\\"$KAMAL_VERSION\\""
[ "$life" -le 6 ] && batches=6 || batches=20
n=0
while [ $n -lt $batches ]; do
  n=$((n + 1))
  sleep 2 & wait $!
  log info "batch paid" ",\\"batch\\":$((life * 100 + n)),\\"payouts\\":$((n * 7 % 40 + 3))"
done
log warn "provider sent a payout without a currency" ",\\"payout\\":\\"po_$((life * 7919))\\",\\"provider\\":\\"aella\\""
sleep 0.2
log error "the process ends after a panic" ",\\"error\\":\\"runtime error: invalid memory address or nil pointer dereference\\"" >&2
cat >&2 << 'STACK'
panic: runtime error: invalid memory address or nil pointer dereference
goroutine 41 [running]:
payouts.(*Payout).MinorUnits(...)
	/app/internal/payouts/money.go:41
payouts.(*Batch).Total(0xc0003a2000)
	/app/internal/payouts/batch.go:88 +0x6c
payouts.(*Worker).Run(0xc000112150)
	/app/internal/payouts/worker.go:112 +0x1f4
STACK
exit 1`;
