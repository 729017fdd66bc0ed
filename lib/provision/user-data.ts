// What the droplet is given to start with: droplet/cloud-init/user-data.yaml with its names filled in. Pure.
// The values come from droplet.yml, whose form leaves no character that means anything in YAML or in a file of variables.

import { ControlError } from '../errors.ts';
import { namesOf } from './names.ts';
import type { Wanted } from './wanted.ts';

/** DigitalOcean takes no more (droplet_create.yml of digitalocean/openapi: "may not exceed 64 KiB"). */
export const USER_DATA_LIMIT_BYTES = 64 * 1024;

/** @param archive of packArchive
 *  @throws ControlError CONFIG_INVALID for a name in the template that is not known, or when it is too large */
export function renderUserData(
  template: string,
  wanted: Pick<Wanted, 'name' | 'public_host' | 'acme_email' | 'ssh_from'>,
  archive: string,
): string {
  const values: Readonly<Record<string, string>> = {
    PUBLIC_HOST: wanted.public_host,
    ACME_EMAIL: wanted.acme_email,
    // For the host's own firewall, which says the same as the one of the cloud.
    SSH_FROM: wanted.ssh_from.join(','),
    VOLUME_NAME: namesOf(wanted).volume,
    ARCHIVE: archive,
  };
  const text = template.replace(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined)
      throw new ControlError('CONFIG_INVALID', `user-data.yaml asks for ${name}, which is unknown.`);
    return value;
  });
  const sizeBytes = Buffer.byteLength(text);
  if (sizeBytes > USER_DATA_LIMIT_BYTES) {
    throw new ControlError(
      'CONFIG_INVALID',
      `What the droplet starts with is ${sizeBytes} bytes; DigitalOcean takes ${USER_DATA_LIMIT_BYTES}. Make droplet/ smaller.`,
      { details: { sizeBytes } },
    );
  }
  return text;
}
