// Starts a real S3 server for tests: Ceph's RGW, which is what Spaces runs, with one monitor and one store in memory.
// Objects are gone when it stops. Listens on 127.0.0.1 only. Its programs are Debian's radosgw, ceph-mon and ceph-osd.

import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Child, startChild } from './child.ts';
import { findFreePort } from './port.ts';
import { waitUntil } from './wait-until.ts';

export type RgwUser = {
  readonly name: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
};

export type Rgw = {
  readonly endpoint: string;
  /** In the order asked for. */
  readonly users: readonly RgwUser[];
  stop(): Promise<void>;
};

const run = promisify(execFile);
const READY_LIMIT_MS = 60_000;
const STORE_BYTES = 1024 ** 3;

/** `dir` is an existing folder for its files. Each name becomes a user with a key of its own. */
export async function startRgw(dir: string, userNames: readonly string[]): Promise<Rgw> {
  const [monitorPort, port] = [await findFreePort(), await findFreePort()];
  const config = join(dir, 'ceph.conf');
  for (const name of ['mon', 'osd', 'log', 'run']) mkdirSync(join(dir, name), { recursive: true });
  writeFileSync(config, renderConfig(dir, monitorPort, port));
  const env = { ...process.env, CEPH_CONF: config, CEPH_ARGS: '' };
  const tool = (command: string, ...args: string[]) => run(command, args, { env, cwd: dir });
  const started: Child[] = [];
  const start = (name: string, command: string, ...args: string[]) => {
    const logFile = join(dir, 'log', `${name}.out`);
    const child = startChild({ command, args: ['-f', ...args], env, cwd: dir, logFile, stopSignal: 'TERM' });
    started.push(child);
    return child;
  };
  const stop = async () => {
    for (const child of started.toReversed()) await child.stop();
  };
  try {
    await makeMonitor(tool, dir, monitorPort);
    start('mon', 'ceph-mon', '-i', 'a');
    await tool('ceph-osd', '-i', '0', '--mkfs');
    start('osd', 'ceph-osd', '-i', '0');
    const rgw = start('rgw', 'radosgw', '-n', 'client.rgw');
    const endpoint = `http://127.0.0.1:${port}`;
    await waitUntil(
      async () => {
        if (rgw.hasExited()) throw new Error(`radosgw ended at once; see ${join(dir, 'log')}.`);
        return (await fetch(endpoint).catch(() => undefined))?.ok;
      },
      { what: 'Ceph RGW did not answer', limitMs: READY_LIMIT_MS, everyMs: 50 },
    );
    const users: RgwUser[] = [];
    for (const name of userNames) {
      const user = { name, accessKeyId: `AK${name.toUpperCase()}`, secretAccessKey: `secret-of-${name}` };
      const keys = ['--access-key', user.accessKeyId, '--secret-key', user.secretAccessKey];
      await tool(
        'radosgw-admin',
        '-n',
        'client.rgw',
        'user',
        'create',
        '--uid',
        name,
        '--display-name',
        name,
        ...keys,
      );
      users.push(user);
    }
    return { endpoint, users, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function makeMonitor(
  tool: (command: string, ...args: string[]) => Promise<unknown>,
  dir: string,
  port: number,
): Promise<void> {
  const keyring = join(dir, 'keyring');
  const map = join(dir, 'monmap');
  const all = ['--cap', 'mon', 'allow *', '--cap', 'osd', 'allow *'];
  await tool(
    'ceph-authtool',
    '--create-keyring',
    keyring,
    '--gen-key',
    '-n',
    'mon.',
    '--cap',
    'mon',
    'allow *',
  );
  await tool('ceph-authtool', keyring, '--gen-key', '-n', 'client.admin', ...all);
  await tool('ceph-authtool', keyring, '--gen-key', '-n', 'client.rgw', ...all);
  await tool(
    'ceph-authtool',
    keyring,
    '--gen-key',
    '-n',
    'osd.0',
    '--cap',
    'mon',
    'allow profile osd',
    '--cap',
    'osd',
    'allow *',
  );
  await tool(
    'monmaptool',
    '--create',
    '--addv',
    'a',
    `[v2:127.0.0.1:${port}]`,
    '--fsid',
    FSID,
    '--clobber',
    map,
  );
  const osdMap = join(dir, 'osdmap');
  await tool('osdmaptool', '--createsimple', '1', '--clobber', osdMap);
  await tool('ceph-mon', '--mkfs', '-i', 'a', '--monmap', map, '--osdmap', osdMap, '--keyring', keyring);
}

const FSID = '00000000-0000-4000-8000-00000000ceff';

/** One of everything, no authentication games, and intervals short enough for a test. */
function renderConfig(dir: string, monitorPort: number, port: number): string {
  return `[global]
fsid=${FSID}
mon host=[v2:127.0.0.1:${monitorPort}]
public addr=127.0.0.1
cluster addr=127.0.0.1
ms bind msgr1=false
ms bind msgr2=true
ms async op threads=1
auth cluster required=cephx
auth service required=cephx
auth client required=cephx
auth allow insecure global id reclaim=false
keyring=${dir}/keyring
run dir=${dir}/run
log file=${dir}/log/$name.log
admin socket=
log max recent=100
osd pool default size=1
osd pool default min size=1
osd pool default pg num=1
osd pool default pgp num=1
osd pool default pg autoscale mode=off
rgw rados pool pg num min=1
mon allow pool size one=true
osd crush chooseleaf type=0
osd crush update on start=false
objecter tick interval=0.5
[mon.a]
mon data=${dir}/mon
mon data avail crit=1
mon data avail warn=2
paxos propose interval=0.05
paxos min wait=0.01
mon cluster log file=${dir}/log/cluster.log
[osd.0]
osd data=${dir}/osd
osd objectstore=memstore
memstore device bytes=${STORE_BYTES}
osd op num shards=2
osd op num threads per shard=1
[client.rgw]
rgw frontends=beast endpoint=127.0.0.1:${port}
rgw enable apis=s3
rgw thread pool size=32
rgw enable usage log=false
rgw dynamic resharding=false
`;
}
