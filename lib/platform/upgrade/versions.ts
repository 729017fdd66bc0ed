// Whether LiteLLM may be taken from one version to another. Pure. Denied versions are lib/gateway/health.ts.

export type VersionJump =
  | { readonly status: 'supported' }
  | { readonly status: 'same' }
  | { readonly status: 'refused'; readonly reason: string };

const VERSION = /^v?(\d+)\.(\d+)\.(\d+)(?:[-.][0-9A-Za-z.-]+)?$/;

/** Versions such as `1.106.2` or `v1.106.2`; a suffix such as `-stable` does not order them. */
export function checkVersionJump(from: string, to: string): VersionJump {
  const [before, after] = [parseVersion(from), parseVersion(to)];
  if (after === undefined) {
    return {
      status: 'refused',
      reason: `${to} is not a version such as 1.106.2; a moving tag could be anything`,
    };
  }
  if (before === undefined)
    return { status: 'refused', reason: `what runs now calls itself ${from}, which is no version` };
  if (withoutPrefix(from) === withoutPrefix(to)) return { status: 'same' };
  const order =
    before.map((number, i) => number - (after[i] ?? 0)).find((difference) => difference !== 0) ?? 0;
  if (order > 0) {
    return {
      status: 'refused',
      reason: `${to} is older than ${from}, and LiteLLM has no migration back; restore a backup from before instead`,
    };
  }
  if (before[0] !== after[0]) {
    return {
      status: 'refused',
      reason: `from ${from} to ${to} the major version changes; read LiteLLM's notes and rehearse it (docs/upgrade.md)`,
    };
  }
  return { status: 'supported' };
}

export function withoutPrefix(version: string): string {
  return version.replace(/^v/, '');
}

function parseVersion(version: string): readonly number[] | undefined {
  return VERSION.exec(version)?.slice(1, 4).map(Number);
}
