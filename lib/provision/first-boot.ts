// Follows the first boot of a droplet over SSH until the stack is up, then asks it for the settings it made. The steps and
// where their state is written: droplet/cloud-init/first-boot.

import type { Clock } from '../clock.ts';
import { ControlError } from '../errors.ts';
import { SSH_FAILED, type SshOutcome } from '../platform/ssh.ts';

export type RunOverSsh = (command: string, timeoutMs: number) => Promise<SshOutcome>;

export type FirstBootDependencies = {
  readonly run: RunOverSsh;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Told each new state. */
  readonly report: (line: string) => void;
  /** For people: how to look for themselves, such as `ssh root@203.0.113.7`. */
  readonly sshCommand: string;
};

/** The first boot's line, and that of the installer which is its last step, where there is one. */
const READ_STATE =
  'cat /var/lib/litellm/first-boot/state 2>/dev/null || echo starting; cat /var/lib/litellm/install/state 2>/dev/null; true';
const PRINT_SETTINGS = '/opt/litellm/install/print-settings';
const CALL_TIMEOUT_MS = 60_000;
const POLL_MS = 10_000;
/** A droplet answers within two minutes of being active; one that reboots after its upgrades, again. */
const LONGEST_SILENCE_MS = 8 * 60_000;
/** systemd begins a failed step again after a minute (user-data.yaml); so long without a new try is the end. */
const FAILED_FOR_GOOD_MS = 3 * 60_000;
/** Images, LiteLLM's migration and 4 GB of mistral. */
const LONGEST_BOOT_MS = 60 * 60_000;

/** Resolves when every step is done. @throws ControlError DROPLET_UNREACHABLE, DROPLET_SETUP_FAILED; a repeat is harmless */
export async function waitForFirstBoot(dependencies: FirstBootDependencies): Promise<void> {
  const { run, clock, signal, report, sshCommand } = dependencies;
  const startedAtMs = clock.now().getTime();
  let answeredAtMs = startedAtMs;
  let failingSinceMs: number | undefined;
  let lastState = '';
  for (;;) {
    const outcome = await run(READ_STATE, CALL_TIMEOUT_MS);
    const nowMs = clock.now().getTime();
    if (outcome.exitCode === 0) {
      answeredAtMs = nowMs;
      const state = readState(outcome.output);
      if (state !== lastState) report(`first boot: ${state}`);
      lastState = state;
      if (state === 'done') return;
      failingSinceMs = state.startsWith('failed ') ? (failingSinceMs ?? nowMs) : undefined;
    }
    if (nowMs - answeredAtMs >= LONGEST_SILENCE_MS) throw unreachable(outcome);
    const isOver = failingSinceMs !== undefined && nowMs - failingSinceMs >= FAILED_FOR_GOOD_MS;
    if (isOver || nowMs - startedAtMs >= LONGEST_BOOT_MS) {
      throw new ControlError(
        'DROPLET_SETUP_FAILED',
        `The first boot stopped at: ${lastState || 'no answer'}. Its log: \`${sshCommand} journalctl -u litellm-first-boot\`. When it is put right, \`systemctl restart litellm-first-boot\` there and run this command again.`,
        { retryable: true, details: { state: lastState } },
      );
    }
    await clock.sleep(POLL_MS, signal);
  }
}

/** What the droplet's installer printed: NAME=value lines, secrets among them.
 *  @throws ControlError DROPLET_UNREACHABLE, DROPLET_SETUP_FAILED */
export async function readPrintedSettings({
  run,
  sshCommand,
}: Pick<FirstBootDependencies, 'run' | 'sshCommand'>): Promise<string> {
  const outcome = await run(PRINT_SETTINGS, CALL_TIMEOUT_MS);
  if (outcome.exitCode === 0) return outcome.output;
  if (outcome.exitCode === SSH_FAILED || outcome.exitCode === null) throw unreachable(outcome);
  throw new ControlError(
    'DROPLET_SETUP_FAILED',
    `The droplet could not print its settings (exit ${outcome.exitCode}). Try it there: \`${sshCommand} ${PRINT_SETTINGS} >/dev/null\`.`,
    { details: { exitCode: outcome.exitCode } },
  );
}

/** Words that we know; anything else is shown as it is, without what a terminal would obey. */
function readState(output: string): string {
  const [line = '', installer] = output
    .trim()
    .split('\n')
    .map((text) => text.replace(/[^\w .-]/g, '').slice(0, 100));
  return line.endsWith('40-install') && installer ? `${line} (${installer})` : line;
}

function unreachable({ errors }: SshOutcome): ControlError {
  const lastWord = errors.trim().split('\n').at(-1) ?? '';
  const said = lastWord.replace(/[^ -~]/g, '').slice(0, 200);
  return new ControlError(
    'DROPLET_UNREACHABLE',
    `The droplet does not let us in over SSH${said ? ` (ssh: ${said})` : ''}. Is your address in ssh_from, and one of ssh_keys in your agent? Then run the command again.`,
    { retryable: true },
  );
}
