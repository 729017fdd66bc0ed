// Writes a ZIP archive of a few files. Equal contents give equal bytes (no clock, no order of the disk), so a
// redeployment of unchanged code can be seen to be one.
// https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT sections 4.3.7, 4.3.12, 4.3.16

import { crc32, deflateRawSync } from 'node:zlib';

export type ZipEntry = { readonly name: string; readonly content: Buffer };

const VERSION = 20;
const DEFLATED = 8;
/** 1980-01-01, the first day the format knows. */
const FIRST_DAY = 0x0021;

export function createZip(entries: readonly ZipEntry[]): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { name, content } of entries) {
    const packed = deflateRawSync(content, { level: 9 });
    const nameBytes = Buffer.from(name);
    const described = describe(nameBytes.length, content, packed.length);

    const header = Buffer.concat([numbers([0x04034b50, 4]), described, nameBytes, packed]);
    const directory = [
      numbers([0x02014b50, 4], [VERSION, 2]),
      described,
      numbers([0, 2], [0, 2], [0, 2], [0, 4]),
    ];
    central.push(...directory, numbers([offset, 4]), nameBytes);
    local.push(header);
    offset += header.length;
  }
  const index = Buffer.concat(central);
  const count = entries.length;
  const end = numbers(
    [0x06054b50, 4],
    [0, 2],
    [0, 2],
    [count, 2],
    [count, 2],
    [index.length, 4],
    [offset, 4],
    [0, 2],
  );
  return Buffer.concat([...local, index, end]);
}

/** Names in the archive, in the order of its directory. */
export function listZip(archive: Buffer): string[] {
  const end = archive.length - 22;
  const names: string[] = [];
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left -= 1) {
    const nameLength = archive.readUInt16LE(at + 28);
    names.push(archive.toString('utf8', at + 46, at + 46 + nameLength));
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  return names;
}

/** The fields that the local header and the directory share. */
function describe(nameLength: number, content: Buffer, packedLength: number): Buffer {
  return numbers(
    [VERSION, 2],
    [0, 2],
    [DEFLATED, 2],
    [0, 2],
    [FIRST_DAY, 2],
    [crc32(content), 4],
    [packedLength, 4],
    [content.length, 4],
    [nameLength, 2],
    [0, 2],
  );
}

/** Little-endian numbers, each with its width in bytes. */
function numbers(...fields: readonly (readonly [value: number, width: 2 | 4])[]): Buffer {
  return Buffer.concat(
    fields.map(([value, width]) => {
      const bytes = Buffer.alloc(width);
      bytes.writeUIntLE(value, 0, width);
      return bytes;
    }),
  );
}
