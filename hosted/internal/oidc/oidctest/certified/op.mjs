// An OpenID provider that is not ours, for hosted/oidc_certified_test.go: oidc-provider from npm, which the OpenID Foundation has
// certified. It prints its issuer, and ends when its standard input does. CLIENTS is a JSON list of its clients.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { generateKeyPairSync } from 'node:crypto';
import { pathToFileURL } from 'node:url';

const { default: Provider } = await import(pathToFileURL(createRequire(process.env.MODULES + '/').resolve('oidc-provider')).href);

const jwk = (kid, type, options, alg) => ({ ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' });
// Who logs in as NAME:GROUP,GROUP is that, in these groups.
const account = (login) => {
  const [name, groups = ''] = login.split(':');
  return { sub: `id-of-${name}`, preferred_username: name, groups: groups.split(',').filter(Boolean), email: `${name}@example.com`, email_verified: true };
};

const server = createServer().listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: JSON.parse(process.env.CLIENTS),
    jwks: { keys: [jwk('rsa', 'rsa', { modulusLength: 2048 }, 'RS256'), jwk('ec', 'ec', { namedCurve: 'P-256' }, 'ES256')] },
    cookies: { keys: ['for tests'] },
    claims: { openid: ['sub'], profile: ['preferred_username', 'groups'], email: ['email', 'email_verified'] },
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ ...account(id), sub: account(id).sub }) }),
    pkce: { required: () => true },
    ttl: { AccessToken: 600, IdToken: 600, AuthorizationCode: 60, Interaction: 600, Session: 600, Grant: 600 },
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
process.stdin.resume().on('end', () => process.exit(0));
