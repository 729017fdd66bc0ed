// A Directory over a client of Microsoft Graph. Reading changes nothing; a repeat is harmless.

import { readAccess } from './access-question.ts';
import { readChanges, takeLinks } from './changes.ts';
import type { DirectoryClient } from './client.ts';
import type { Directory } from './directory.ts';
import { readGroups } from './groups.ts';
import { readUsers } from './users.ts';

export function createDirectory(client: DirectoryClient): Directory {
  return {
    takeLinks: (signal) => takeLinks(client, signal),
    readChanges: (links, signal) => readChanges(client, links, signal),
    readGroups: (groupIds, signal) => readGroups(client, groupIds, signal),
    readUsers: (userIds, signal) => readUsers(client, userIds, signal),
    readAccess: (questions, signal) => readAccess(client, questions, signal),
  };
}
