import { COMPANY_GROUP_IDS, seedGroupId } from '../world/tenant/seed.ts';
import { describeGraph } from './graph.contract.ts';
import { fetchToken, startTrustedTenant } from './tenant-fixture.ts';

describeGraph('simulated tenant', async () => {
  const tenant = await startTrustedTenant({ pageSize: 100 });
  return {
    graphUrl: tenant.graphUrl,
    token: await fetchToken(tenant),
    nestedGroupId: COMPANY_GROUP_IDS.engineering,
    unknownGroupId: seedGroupId(9_999),
    close: tenant.close,
  };
});
