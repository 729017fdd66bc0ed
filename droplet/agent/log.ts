// One JSON line an event on standard output, which journald keeps within its limits. Counts and codes, never a secret.

export type AgentLog = (event: string, fields?: Readonly<Record<string, unknown>>) => void;

export const log: AgentLog = (event, fields = {}) => {
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
};
