// The policy of the deployment, put into every bundle that imports it by scripts/build.ts.
declare module 'virtual:policy' {
  /** What policy.yml holds, already checked by the build; give it to parsePolicy. */
  const policy: unknown;
  export default policy;
}
