// The process in which the planning bench plans: `plan-child MEMBERS GROUPS` prints one PlanMeasure as JSON.

import { argv, stdout } from 'node:process';
import { measurePlan } from './plan-measure.ts';

const [memberCount = 0, groupCount = 0] = argv.slice(2).map(Number);
stdout.write(JSON.stringify(measurePlan(memberCount, groupCount)));
