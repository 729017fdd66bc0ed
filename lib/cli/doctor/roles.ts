// The database roles that `lcp doctor` tries, each by the URL and the identity of the function that has it.

import { parseSettings, type VariableName } from '../../config.ts';
import { joinMutualTls } from '../../mutual-tls.ts';
import type { Secret } from '../../secret.ts';
import {
  AGENT_RIGHTS,
  BACKUP_RIGHTS,
  CONTROL_PLANE_RIGHTS,
  LITELLM_READER_RIGHTS,
  PORTAL_RIGHTS,
  type RoleRights,
  WEBHOOK_RIGHTS,
} from '../../store/role-rights.ts';
import type { CliEnvironment } from '../environment.ts';
import type { Check } from './check.ts';
import { type Role, roleCheck } from './database.ts';

type UrlName = Extract<VariableName, `${string}_DATABASE_URL`>;
type IdentityName = Extract<VariableName, `${string}_CLIENT_IDENTITY`>;

const ROLES: readonly {
  readonly url: UrlName;
  readonly identity: IdentityName;
  readonly what: string;
  readonly rights: RoleRights;
  readonly needs: readonly string[];
}[] = [
  {
    url: 'CONTROL_DATABASE_URL',
    identity: 'OPERATOR_CLIENT_IDENTITY',
    what: 'owns the tables, and is nothing else in the server',
    rights: CONTROL_PLANE_RIGHTS,
    needs: ['store-level'],
  },
  {
    url: 'WEBHOOK_DATABASE_URL',
    identity: 'WEBHOOK_CLIENT_IDENTITY',
    what: 'may leave hints, and nothing else',
    rights: WEBHOOK_RIGHTS,
    needs: ['settings-webhook', 'store-level'],
  },
  {
    url: 'PORTAL_DATABASE_URL',
    identity: 'PORTAL_CLIENT_IDENTITY',
    what: 'may show and decide what is held, and nothing else',
    rights: PORTAL_RIGHTS,
    needs: ['settings-portal', 'store-level'],
  },
  {
    url: 'AGENT_DATABASE_URL',
    identity: 'AGENT_CLIENT_IDENTITY',
    what: 'may leave reports of the droplet, and nothing else',
    rights: AGENT_RIGHTS,
    needs: ['settings-agent', 'store-level'],
  },
  {
    url: 'BACKUP_DATABASE_URL',
    identity: 'BACKUP_CLIENT_IDENTITY',
    what: 'may read the audit and note what was exported, and nothing else',
    rights: BACKUP_RIGHTS,
    needs: ['settings-backup', 'store-level'],
  },
  {
    url: 'LITELLM_DATABASE_URL',
    identity: 'OPERATOR_CLIENT_IDENTITY',
    what: 'may read LiteLLM’s tables, and change none',
    rights: LITELLM_READER_RIGHTS,
    needs: ['settings-lcp', 'database-refuses'],
  },
];

export function roleChecks({ variables }: Pick<CliEnvironment, 'variables'>): readonly Check[] {
  return ROLES.map(({ url: name, identity, what, rights, needs }) => {
    const readRole = (): Role | undefined => {
      const settings = parseSettings([name, 'DATA_PLANE_CA', identity], variables);
      const url: Secret | undefined = settings[name];
      return url && { url, tls: joinMutualTls(settings.DATA_PLANE_CA, settings[identity]) };
    };
    return roleCheck(name, what, rights, readRole, needs);
  });
}
