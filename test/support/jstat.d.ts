/** What tests ask of jstat, which comes without types. */
declare module "jstat" {
  const jstat: { readonly jStat: JStat };
  export default jstat;
  interface JStat {
    readonly hypgeom: { pdf(k: number, population: number, successes: number, draws: number): number };
    ibeta(x: number, a: number, b: number): number;
    erfc(x: number): number;
  }
}
