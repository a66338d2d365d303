/**
 * Node writes this below the error of an unhandled rejection or exception that ends the process.
 */
const crash = /^Node\.js v\d+\.\d+\.\d+$/m;

/**
 * Throws when one of our programs crashed, as its output says: no exit code and no test may hide
 * that.
 */
export function assertNoCrash(output: string): void {
  if (crash.test(output)) throw new Error(`The program crashed:\n${output.slice(-4000)}`);
}
