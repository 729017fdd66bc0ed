// Where the droplet's files lie in this repository.

import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '..', '..');
export const DROPLET = join(ROOT, 'droplet');
