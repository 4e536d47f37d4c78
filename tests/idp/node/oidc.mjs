// oidc-provider with rotation and reuse detection: a replayed refresh token kills the whole family.
// In front of it an API that looks its tokens up in the provider itself.
import { randomBytes } from 'node:crypto';
import Provider from 'oidc-provider';
import { bearer, json, newStats, number, read, serve } from './serve.mjs';

const ACCESS_TTL = number(process.env.IDP_ACCESS_TTL, 300);
const ROTATE = process.env.IDP_ROTATE !== 'false';
const SCOPE = 'openid offline_access';
const REDIRECT_URIS = ['http://127.0.0.1/callback'];
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const GRANTS = ['authorization_code', 'refresh_token', DEVICE];
// A client that can show who it is may ask on its own behalf, too.
const OWN_GRANTS = [...GRANTS, 'client_credentials'];
const stats = newStats();
// The public half of a client's key: with it come a client that signs, and proofs that must carry a nonce.
const CLIENT_JWK = process.env.IDP_CLIENT_JWK;

const clients = [
  {
    client_id: 'pub',
    token_endpoint_auth_method: 'none',
    application_type: 'native',
    grant_types: GRANTS,
    redirect_uris: REDIRECT_URIS,
  },
  {
    client_id: 'conf',
    client_secret: 'loopback-only',
    token_endpoint_auth_method: 'client_secret_basic',
    application_type: 'native',
    grant_types: OWN_GRANTS,
    redirect_uris: REDIRECT_URIS,
  },
];

// Its secret signs instead of being sent: it must be as long as the digest.
clients.push({
  client_id: 'hashed',
  client_secret: 'loopback-only-and-as-long-as-32-bytes',
  token_endpoint_auth_method: 'client_secret_jwt',
  application_type: 'native',
  grant_types: OWN_GRANTS,
  redirect_uris: REDIRECT_URIS,
});

if (CLIENT_JWK) {
  clients.push({
    client_id: 'signed',
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: JSON.parse(CLIENT_JWK).alg,
    jwks: { keys: [JSON.parse(CLIENT_JWK)] },
    application_type: 'native',
    grant_types: OWN_GRANTS,
    redirect_uris: REDIRECT_URIS,
  });
}

const dPoP = CLIENT_JWK
  ? { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true }
  : { enabled: false };

function newProvider(issuer) {
  const provider = new Provider(issuer, {
    clients,
    rotateRefreshToken: ROTATE,
    scopes: ['openid', 'offline_access'],
    ttl: { AccessToken: ACCESS_TTL, ClientCredentials: ACCESS_TTL, RefreshToken: 86400, Grant: 86400, IdToken: 300 },
    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: true },
      clientCredentials: { enabled: true },
      deviceFlow: { enabled: true },
      registration: { enabled: true },
      // An API of its own: tokens for it are for nothing else (RFC 8707).
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_ctx, resource) => ({ scope: 'tools', audience: resource, accessTokenFormat: 'opaque' }),
        useGrantedResource: () => true,
      },
      dPoP,
    },
    // Clients that are pages.
    clientBasedCORS: () => true,
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  });
  provider.on('grant.success', (ctx) => {
    if (ctx.oidc.params.grant_type === 'refresh_token') stats.refreshes += 1;
  });
  // The answer is the same for every dead token; the provider's own detail tells a replay apart.
  provider.on('grant.error', (_ctx, err) => {
    if (err.error_detail === 'refresh token already used') stats.reuse_detected += 1;
  });
  return provider;
}

// A grant without a browser. `expires_in` of 0 or less gives a pair whose access token is over.
async function mint(provider, query) {
  const client = await provider.Client.find(query.get('client') || 'pub');
  const expiresIn = number(query.get('expires_in'), ACCESS_TTL);
  const grant = new provider.Grant({ accountId: 'ann', clientId: client.clientId });
  grant.addOIDCScope(SCOPE);
  const shared = { accountId: 'ann', client, grantId: await grant.save(), scope: SCOPE, gty: 'authorization_code' };
  const access = new provider.AccessToken({ ...shared, expiresWithSession: false });
  const refresh = new provider.RefreshToken({ ...shared, expiresWithSession: false, rotations: 0 });
  const jkt = query.get('jkt');
  if (jkt) for (const token of [access, refresh]) token.setThumbprint('jkt', jkt);
  if (expiresIn > 0) access.expiresIn = expiresIn;
  const access_token = await access.save();
  // The store can't hold a token that is over, so it is taken out: a lookup finds the same nothing.
  if (expiresIn <= 0) await access.destroy();
  return { access_token, refresh_token: await refresh.save(), expires_in: expiresIn, token_type: jkt ? 'DPoP' : 'Bearer', scope: SCOPE };
}

// What a person does in a browser: a name, then consent. Plain forms, without a script.
function page(res, title, action, fields, button) {
  res.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
  res.end(`<!doctype html><title>${title}</title><h1>${title}</h1><form method="post" action="${action}">${fields}<button>${button}</button></form>`);
}

async function interact(provider, req, res) {
  const { uid, prompt, params, grantId, session } = await provider.interactionDetails(req, res);
  const action = `/interaction/${uid}`;
  if (req.method === 'GET') {
    const login = '<input name="login" placeholder="Name"><input name="password" type="password" placeholder="Password">';
    return prompt.name === 'login'
      ? page(res, 'Sign in', action, login, 'Sign in')
      : page(res, 'Authorize', action, '<input type="hidden" name="consent" value="yes">', 'Continue');
  }
  const form = new URLSearchParams(await read(req));
  if (prompt.name === 'login') {
    const result = { login: { accountId: form.get('login') || 'ann', amr: ['pwd'] } };
    return provider.interactionFinished(req, res, result, { mergeWithLastSubmission: false });
  }
  const grant = (grantId && (await provider.Grant.find(grantId))) || new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope((params.scope ?? 'openid').toString());
  for (const [resource, scopes] of Object.entries(prompt.details.missingResourceScopes ?? {})) {
    grant.addResourceScope(resource, scopes.join(' '));
  }
  return provider.interactionFinished(req, res, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
}

// RFC 6750 section 3: no error code when no token came, `invalid_token` when one came that is no good.
async function guard(provider, req, res) {
  const value = bearer(req.headers.authorization);
  const token =
    value && ((await provider.AccessToken.find(value)) ?? (await provider.ClientCredentials.find(value)));
  if (token?.isValid) {
    stats.api_accepted += 1;
    return true;
  }
  stats.api_rejected += 1;
  const challenge = value
    ? 'Bearer realm="api", error="invalid_token", error_description="invalid token provided"'
    : 'Bearer realm="api"';
  json(res, 401, { error: 'invalid_token' }, { 'www-authenticate': challenge });
  return false;
}

async function api(provider, req, res, path) {
  req.resume();
  if (!(await guard(provider, req, res))) return;
  if (path === '/api/data') return json(res, 200, { data: 'kept alive' });
  if (path === '/api/side-effect' && req.method === 'POST') {
    stats.side_effects += 1;
    return json(res, 200, { count: stats.side_effects });
  }
  json(res, 404, { error: 'not_found' });
}

// An API as MCP has it: who comes without a token is told where to ask for one (RFC 9728).
async function mcp(provider, url, req, res) {
  req.resume();
  const value = bearer(req.headers.authorization);
  const token = value && (await provider.AccessToken.find(value));
  if (token?.isValid && [token.aud].flat().includes(`${url}/mcp`)) {
    stats.api_accepted += 1;
    return json(res, 200, { jsonrpc: '2.0', id: 1, result: { tools: [], user: token.accountId } });
  }
  stats.api_rejected += 1;
  const error = value ? 'error="invalid_token", ' : '';
  const place = `${url}/.well-known/oauth-protected-resource/mcp`;
  json(res, 401, { error: 'invalid_token' }, { 'www-authenticate': `Bearer ${error}resource_metadata="${place}"` });
}

stats.registrations = 0;

await serve((url) => {
  const provider = newProvider(url);
  const authorizationServer = provider.callback();
  return async (req, res) => {
    const { pathname, searchParams } = new URL(req.url, url);
    if (pathname === '/stats') return json(res, 200, stats);
    if (pathname === '/mint') return json(res, 200, await mint(provider, searchParams));
    if (pathname === '/.well-known/oauth-protected-resource/mcp') {
      return json(res, 200, { resource: `${url}/mcp`, authorization_servers: [url], scopes_supported: ['tools'] });
    }
    if (pathname === '/mcp') return mcp(provider, url, req, res);
    if (pathname.startsWith('/interaction/')) return interact(provider, req, res);
    if (pathname.startsWith('/api/')) return api(provider, req, res, pathname);
    if (pathname === '/token') stats.token_requests += 1;
    if (pathname === '/reg' && req.method === 'POST') stats.registrations += 1;
    return authorizationServer(req, res);
  };
});
