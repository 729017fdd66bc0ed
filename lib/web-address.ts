// Where a function that is on the web is reached: the one spelling that the droplet's agent signs its reports for, that
// Microsoft is told, and that deployments and checks go by.

export type FunctionsNamespace = {
  /** Scheme and host. */
  readonly DO_API_HOST: string;
  readonly DO_NAMESPACE: string;
};

/** `name` is package and function, such as `control/agent`, or the package alone. */
export function webAddressOf({ DO_API_HOST, DO_NAMESPACE }: FunctionsNamespace, name: string): string {
  return `${DO_API_HOST}/api/v1/web/${DO_NAMESPACE}/${name}`;
}
