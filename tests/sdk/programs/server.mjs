// A server program as a product team writes it with @openpanel/sdk. Prints what each call answered.
import { OpenPanel } from '@openpanel/sdk';

const op = new OpenPanel({
  apiUrl: process.env.INGEST_URL,
  clientId: process.env.CLIENT_ID,
  clientSecret: process.env.CLIENT_SECRET,
});
const answers = {};

op.setGlobalProperties({ plan: 'pro' });
answers.anonymous = await op.track('server_started', { version: '1.2.3', nested: { deep: [1, 2] } });
answers.identify = await op.identify({
  profileId: 'user-1',
  firstName: 'Ada',
  lastName: 'Lovelace',
  email: 'ada@example.com',
  properties: { seats: 3 },
});
answers.track = await op.track('invoice_sent', { amount: 12.5, items: ['a', 'b'] });
answers.increment = await op.increment({ profileId: 'user-1', property: 'seats', value: 2 });
answers.decrement = await op.decrement({ profileId: 'user-1', property: 'seats' });
answers.unknown = await op.increment({ profileId: 'user-2', property: 'visits' });
await op.upsertGroup({ id: 'acme', type: 'company', name: 'Acme', properties: { size: 12 } });
await op.setGroup('acme');
answers.grouped = await op.track('report_opened', {});
answers.revenue = await op.revenue(4900, { product: 'book' });
answers.alias = await op.alias?.({ profileId: 'user-1', alias: 'ada' });
op.clear();
answers.cleared = await op.track('after_clear', {});
console.log(JSON.stringify({ answers, deviceId: op.deviceId, sessionId: op.sessionId }));
