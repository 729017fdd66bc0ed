// The `lcp` command: parse, call, print. One file a command; this one is the list.

import { Command, CommanderError, Option } from 'commander';
import { isControlError } from '../errors.ts';
import { adoptApplyCommand, adoptProposeCommand } from './adopt.ts';
import { applyCommand } from './apply.ts';
import { auditExportCommand } from './audit-export.ts';
import { auditShowCommand } from './audit-show.ts';
import { auditVerifyCommand } from './audit-verify.ts';
import { deployCommand } from './deploy.ts';
import { doctorCommand } from './doctor.ts';
import { driftCommand } from './drift.ts';
import { type CliEnvironment, systemEnvironment } from './environment.ts';
import { escrowKeygenCommand } from './escrow-keygen.ts';
import { keyRevealCommand } from './key-reveal.ts';
import { keyRotateCommand } from './key-rotate.ts';
import { keyTestCommand } from './key-test.ts';
import { migrateCommand } from './migrate.ts';
import { planCommand } from './plan.ts';
import { provisionCommand } from './provision.ts';
import { quarantineDecideCommand, quarantineListCommand, quarantineShowCommand } from './quarantine.ts';
import { statusCommand } from './status.ts';
import { upgradeCommand } from './upgrade.ts';

const POLICY_OPTION = ['--policy <file>', 'the policy to follow', 'policy.yml'] as const;

/** Runs one command line (without node and script) and resolves to its exit code. */
export async function runCli(
  args: readonly string[],
  environment: CliEnvironment = systemEnvironment(),
): Promise<number> {
  let exitCode = 0;
  const run = async (command: Promise<number>) => {
    exitCode = await command;
  };
  const program = new Command('lcp')
    .description('Control plane for a self-hosted LiteLLM: Entra groups become teams, members and keys.')
    .configureOutput({ writeOut: environment.print, writeErr: environment.printError })
    .exitOverride()
    .showHelpAfterError('(`lcp --help` lists the commands)')
    .addHelpText(
      'after',
      `
First steps:
  lcp provision            make the droplet, where there is none: docs/provision.md
  lcp escrow keygen        make the escrow key pair, put both lines into .env
  lcp doctor               check every setting, permission and peer, with what to do
  lcp migrate              make the tables of the control database
  lcp adopt propose        only where LiteLLM is in use already: docs/adopt.md
  lcp plan                 see what would happen; lcp apply makes it happen

Why somebody has access or not:
  lcp audit show --person <Object ID or mail>

Settings come from the environment and from .env; docs/settings.md lists them.
Exit codes: 0 well, 1 error or something needs a person, 2 (plan, drift) there is a difference.`,
    );

  program
    .command('plan')
    .description('show what a run would do now; writes nothing')
    .option(...POLICY_OPTION)
    .option('--json', 'plan and verdict as JSON', false)
    .action((options) => run(planCommand(environment, options)));
  program
    .command('apply')
    .description('make one run now, under the same lease and guard as the scheduled one')
    .option(...POLICY_OPTION)
    .option('--json', 'the report as JSON', false)
    .action((options) => run(applyCommand(environment, options)));
  program
    .command('drift')
    .description('show what somebody changed in LiteLLM by hand; changes nothing, exits 2 if there is any')
    .option(...POLICY_OPTION)
    .option('--json', 'as JSON', false)
    .action((options) => run(driftCommand(environment, options)));
  program
    .command('status')
    .description('last runs, what waits for a decision, the droplet, keys by state')
    .option('--fresh', 'ask the agent on the droplet to report now', false)
    .option('--json', 'as JSON', false)
    .action((options) => run(statusCommand(environment, options)));
  program
    .command('doctor')
    .description('check the whole chain from the outside in, and say what to do; changes nothing')
    .option(...POLICY_OPTION)
    .option('--send', 'also post a test card to Teams', false)
    .action((options) => run(doctorCommand(environment, options)));
  program
    .command('migrate')
    .description('bring the control database to the level this version needs')
    .action(() => run(migrateCommand(environment)));
  program
    .command('deploy')
    .description('build, deploy functions and agent, and prove what runs by reading it back')
    .option('--env <file>', 'the settings to deploy with', '.env')
    .option('--dry-run', 'check, build and show what would change; deploy nothing', false)
    .option('--yes', 'do not ask', false)
    .action((options) => run(deployCommand(environment, options)));
  program
    .command('upgrade')
    .description('take LiteLLM on the droplet to another version, and back by itself if it does not serve')
    .option('--to <version>', 'such as 1.106.2; without it an unfinished upgrade goes on')
    .option('--dry-run', 'show the steps; change nothing', false)
    .option('--yes', 'do not ask', false)
    .action((options) => run(upgradeCommand(environment, options)));

  program
    .command('provision')
    .description(
      'show the droplet that droplet/droplet.yml asks for, what it costs, and what is there; makes it only with --apply',
    )
    .option('--file <file>', 'what is wanted', 'droplet/droplet.yml')
    .option('--apply', 'make what is missing; nothing is changed or deleted', false)
    .option('--yes', 'do not ask', false)
    .addOption(
      new Option('--until <what>', 'where --apply ends: the machine is there, or its settings are in .env')
        .choices(['machine', 'settings'])
        .default('settings'),
    )
    .option('--env-file <file>', 'where the settings of the droplet go', '.env')
    .option('--force', 'overwrite settings that are there with another value', false)
    .action((options) => run(provisionCommand(environment, options)));

  const quarantine = program
    .command('quarantine')
    .description('removals that are held for a person to decide');
  quarantine
    .command('list')
    .description('what waits, then what was decided lately')
    .option('--json', 'as JSON', false)
    .action((options) => run(quarantineListCommand(environment, options)));
  quarantine
    .command('show <id>')
    .description('who would lose what, and why it is held; the beginning of the id is enough')
    .action((id) => run(quarantineShowCommand(environment, id)));
  for (const [name, decision, effect] of [
    ['approve', 'approved', 'let the next run carry out exactly these removals'],
    ['reject', 'rejected', 'leave these people their access'],
  ] as const) {
    quarantine
      .command(`${name} <id>`)
      .description(effect)
      .option(...POLICY_OPTION)
      .option('--yes', 'do not ask', false)
      .action((id, options) => run(quarantineDecideCommand(environment, decision, id, options)));
  }

  const adopt = program
    .command('adopt')
    .description('take over teams, people and keys that were made in LiteLLM by hand');
  adopt
    .command('propose')
    .description('write down what could be taken over, for review; changes nothing')
    .option(...POLICY_OPTION)
    .option('--out <file>', 'where to write it', 'adoption.yml')
    .option('--force', 'replace the file if it exists', false)
    .action((options) => run(adoptProposeCommand(environment, options)));
  adopt
    .command('apply <file>')
    .description('take over what the reviewed file names; no key changes, a repeat is harmless')
    .option(...POLICY_OPTION)
    .option('--dry-run', 'check and show it; write nothing', false)
    .action((file, options) => run(adoptApplyCommand(environment, file, options)));
  const key = program.command('key').description('keys of people');
  key
    .command('reveal')
    .description('show the waiting keys of a person once, then destroy the stored copy')
    .requiredOption('--user <object-id>', 'Object ID of the person in Entra')
    .option('--team <object-id>', 'only the key for this group')
    .option('--yes', 'do not ask', false)
    .action((options) => run(keyRevealCommand(environment, options)));
  key
    .command('rotate')
    .description('make new keys beside the old ones, which work on for the grace of policy.yml')
    .option('--user <object-id>', 'of this person (Object ID in Entra)')
    .option('--team <object-id>', 'of this group')
    .option('--older-than <days>', 'only keys that have worked for longer')
    .option(...POLICY_OPTION)
    .option('--dry-run', 'only show which', false)
    .option('--yes', 'do not ask', false)
    .action((options) => run(keyRotateCommand(environment, options)));
  key
    .command('test')
    .description('make a short-lived test key with a small budget, and show it once')
    .requiredOption('--user <object-id>', 'Object ID in Entra of a person of DevOps or an Admin')
    .requiredOption('--team <object-id>', 'a group of theirs; the key may call its models')
    .option(...POLICY_OPTION)
    .action((options) => run(keyTestCommand(environment, options)));
  const audit = program.command('audit').description('proof of what happened');
  audit
    .command('show')
    .description('why a person has access or not, and what happened to a person or a team')
    .addOption(
      new Option('--person <who>', 'Object ID, mail address or name as Entra has it').conflicts('team'),
    )
    .option('--team <group>', "Object ID of the group, or the team's name in policy.yml")
    .option('--since <when>', 'only what happened since: 7d, 24h, or a UTC date or time (ISO 8601)')
    .option('--until <when>', 'only what happened before; a date counts whole')
    .option('--limit <events>', 'the newest so many events', '50')
    .option('--policy <file>', 'for team names and grace_days; policy.yml where it is there')
    .action((options) => run(auditShowCommand(environment, options)));
  audit
    .command('export')
    .description('the whole audit as JSON Lines, each row with its hash')
    .option('--out <file>', 'a new file instead of standard output')
    .option('--since <seq>', 'only rows after this one', '0')
    .action((options) => run(auditExportCommand(environment, options)));
  audit
    .command('verify')
    .description('prove that no audit row was changed, removed or moved')
    .addOption(new Option('--file <export>', 'verify this export alone').conflicts(['against', 'spaces']))
    .addOption(
      new Option('--against <export>', 'also that the database continues this export').conflicts('spaces'),
    )
    .option('--spaces', 'also that the database continues all exports in Spaces', false)
    .action((options) => run(auditVerifyCommand(environment, options)));
  const escrow = program
    .command('escrow')
    .description('the key pair that protects keys until they are shown');
  escrow
    .command('keygen')
    .description('make a pair and print it for .env')
    .action(() => run(escrowKeygenCommand(environment)));

  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    if (!isControlError(error)) throw error;
    environment.printError(
      `lcp: ${error.message}\n(${error.code}${error.retryable ? ', worth a retry' : ''})\n`,
    );
    return 1;
  }
}

if (import.meta.main) process.exitCode = await runCli(process.argv.slice(2));
