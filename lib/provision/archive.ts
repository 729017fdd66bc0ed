// The files of droplet/ as one compressed archive for user_data, byte for byte the same for the same files: sorted, without
// times and owners. The agent comes with `lcp deploy`, upgrade/ with `lcp upgrade`, and scale/ with its kustomization.yaml
// files is for other machines, so none of them is in it.
// The form is ustar (POSIX.1-1988), which every tar reads; written here because tar's options for a stable archive are
// GNU's alone.

import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { ControlError } from '../errors.ts';

export type ArchivedFile = {
  /** With slashes, relative to the folder. */
  readonly name: string;
  readonly content: Buffer;
  readonly isExecutable: boolean;
};

const LEFT_OUT = [
  /^agent\//,
  /^scale\//,
  /^upgrade\//,
  /kustomization\.yaml$/,
  /^droplet\.yml$/,
  /^known_hosts$/,
  /^cloud-init\/user-data\.yaml$/,
];
const BLOCK_BYTES = 512;
const LONGEST_NAME = 100;

/** Every file of `folder` that the droplet needs to begin with. */
export async function readDropletFiles(folder: string): Promise<ArchivedFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
    .filter((name) => !LEFT_OUT.some((pattern) => pattern.test(name)))
    .sort();
  return Promise.all(
    names.map(async (name) => {
      const file = path.join(folder, name);
      const isExecutable = ((await stat(file)).mode & 0o100) !== 0;
      return { name, content: await readFile(file), isExecutable };
    }),
  );
}

/** The archive, gzip-compressed, in base64 on one line. @throws ControlError CONFIG_INVALID for a name that is too long */
export function packArchive(files: readonly ArchivedFile[]): string {
  const blocks = files.flatMap((file) => [createHeader(file), pad(file.content)]);
  const tar = Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK_BYTES)]);
  const packed = gzipSync(tar, { level: 9 });
  // The tenth byte of a gzip header names the system that made it (RFC 1952); 255 is unknown.
  packed[9] = 255;
  return packed.toString('base64');
}

function createHeader({ name, content, isExecutable }: ArchivedFile): Buffer {
  if (Buffer.byteLength(name) > LONGEST_NAME) {
    throw new ControlError(
      'CONFIG_INVALID',
      `The name droplet/${name} is longer than ${LONGEST_NAME} bytes.`,
    );
  }
  const header = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, offset: number, length: number) =>
    header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, offset, 'latin1');
  header.write(name, 0, 'utf8');
  octal(isExecutable ? 0o755 : 0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(content.length, 124, 12);
  octal(0, 136, 12);
  header.write('        ', 148, 'latin1');
  header.write('0', 156, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  header.write('root', 265, 'latin1');
  header.write('root', 297, 'latin1');
  const checksum = header.reduce((sum, byte) => sum + byte, 0);
  header.write(`${checksum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

function pad(content: Buffer): Buffer {
  const missing = (BLOCK_BYTES - (content.length % BLOCK_BYTES)) % BLOCK_BYTES;
  return Buffer.concat([content, Buffer.alloc(missing)]);
}
