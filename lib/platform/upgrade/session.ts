// One connection to droplet/upgrade/session for a whole upgrade: a step in a line, its result in a line. The droplet
// holds its lock as long as the connection, so there are never two; when the connection breaks, the step at work is
// finished first and then the lock let go.

import { createInterface } from 'node:readline';
import * as z from 'zod';
import { ControlError } from '../../errors.ts';
import { notStarted, quote, SSH_FAILED, type SshTarget, startOverSsh, unreachable } from '../ssh.ts';
import { PHASES, type UpgradePhase } from './decision.ts';

export const upgradeState = z.object({
  status: z.enum(['running', 'upgraded', 'returned', 'unchanged']),
  phase: z.enum(PHASES),
  from: z.string(),
  to: z.string(),
  /** Why it returned, in the words of the step that failed. */
  reason: z.string(),
});
export type UpgradeState = z.output<typeof upgradeState>;

export type StepResult = { readonly isDone: boolean; readonly words: string };

export type UpgradeSession = {
  /** The recorded state of the last upgrade, if there was one. */
  readState(): Promise<UpgradeState | undefined>;
  /** Stored and synced before it resolves. */
  recordState(state: UpgradeState): Promise<void>;
  /** The version that serves now; undefined when none answers. */
  readVersion(): Promise<string | undefined>;
  /** @throws ControlError DROPLET_UNREACHABLE when the connection broke: then nobody knows how the step went */
  runPhase(phase: UpgradePhase, state: UpgradeState): Promise<StepResult>;
  close(): void;
};

/** Exit code of the droplet's script when somebody else holds the lock. */
const BUSY = 75;

/** @throws ControlError DROPLET_UNREACHABLE, UPGRADE_BUSY, DROPLET_REFUSED */
export async function openUpgradeSession(
  target: SshTarget,
  script: string,
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<UpgradeSession> {
  const child = startOverSsh(target, `bash -c ${quote(script)} session`, signal);
  child.stdin.on('error', () => undefined);
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors = `${errors}${chunk}`.slice(-2_000);
  });
  const ended = new Promise<ControlError>((resolve) => {
    child.on('error', (cause) => {
      const hasNoSsh = (cause as NodeJS.ErrnoException).code === 'ENOENT';
      resolve(hasNoSsh ? notStarted(cause) : unreachable(target, cause.message));
    });
    child.on('close', (code) => resolve(explainEnd(target, code, errors)));
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();

  /** Everything up to the result is progress. */
  async function readResult(): Promise<StepResult> {
    for (;;) {
      const { value, done } = await lines.next();
      if (done === true) throw await ended;
      const result = /^(done|failed) (.*)$/.exec(value);
      if (result !== null) return { isDone: result[1] === 'done', words: result[2] ?? '' };
      tell(value);
    }
  }
  async function ask(...words: readonly string[]): Promise<StepResult> {
    child.stdin.write(`${words.join(' ')}\n`);
    return readResult();
  }
  async function require(...words: readonly string[]): Promise<string> {
    const result = await ask(...words);
    if (result.isDone) return result.words;
    throw new ControlError('DROPLET_REFUSED', `The droplet could not ${words[0]}: ${result.words}`);
  }

  await readResult();
  return {
    async readState() {
      const text = await require('read_state');
      return text === '' ? undefined : upgradeState.parse(JSON.parse(text));
    },
    async recordState(state) {
      await require('record_state', JSON.stringify(state));
    },
    async readVersion() {
      const result = await ask('read_version');
      return result.isDone ? result.words : undefined;
    },
    runPhase: (phase, { from, to }) => ask(phase, from, to),
    close: () => child.stdin.end(),
  };
}

function explainEnd(target: SshTarget, code: number | null, errors: string): ControlError {
  if (code === BUSY) {
    const message = `Another upgrade is at work on ${target.address}; wait until it has ended.`;
    return new ControlError('UPGRADE_BUSY', message, { retryable: true });
  }
  if (code === null || code === SSH_FAILED || code === 0) return unreachable(target, errors);
  return new ControlError(
    'DROPLET_REFUSED',
    `The droplet did not begin an upgrade (code ${code}). ${errors.trim()}`,
  );
}
