// The Node side of the OpenID tests: a provider (oidc-provider), and a
// service that verifies tokens with keys from a URL (jose). It reads one JSON
// request per line, responds with one line of JSON, and ends with its input.

import { createServer } from 'node:http'
import { serve } from '../internal/node/serve.mjs'

const jose = await import('jose')
const { default: Provider } = await import('oidc-provider')

const audience = 'https://api.example'

const configuration = (keys) => ({
  clients: [
    {
      client_id: 'app',
      client_secret: 'app-secret',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: 'ES256',
    },
    {
      client_id: 'batch',
      client_secret: 'batch-secret',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: 'ES256',
    },
    {
      client_id: 'mcp',
      token_endpoint_auth_method: 'none', // a public client, with PKCE
      grant_types: ['authorization_code'],
      redirect_uris: ['http://127.0.0.1:9/callback'],
      response_types: ['code'],
      id_token_signed_response_alg: 'ES256',
    },
  ],
  cookies: { keys: ['only for tests'] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  pkce: { required: () => true },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: true }, // accepts any user and password
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, resource) => ({
        scope: 'items:read items:write tools',
        audience: resource,
        accessTokenFormat: 'jwt',
        accessTokenTTL: 600,
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
  jwks: { keys },
})

const keys = {} // by name, private
async function keyNamed(name) {
  if (!keys[name]) {
    const { privateKey } = await jose.generateKeyPair('ES256', { extractable: true })
    keys[name] = { ...(await jose.exportJWK(privateKey)), kid: name, alg: 'ES256', use: 'sig' }
  }
  return keys[name]
}

let issuer, server, answer
const remoteSets = {} // by URL

const operations = {
  // keys are names, and the first key signs. A second call replaces the provider
// by one with other keys.
  async provider({ keys }) {
    if (!server) {
      server = createServer((req, res) => answer(req, res))
      await new Promise((done) => server.listen(0, '127.0.0.1', done))
      issuer = `http://127.0.0.1:${server.address().port}`
    }
    answer = new Provider(issuer, configuration(await Promise.all(keys.map(keyNamed)))).callback()
    return { issuer }
  },

  // A token that the provider did not issue, with one of its keys.
  async sign({ key, typ, claims }) {
    const jwk = await keyNamed(key)
    const now = Math.floor(Date.now() / 1000)
    return new jose.SignJWT({ iat: now, exp: now + 600, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: key, typ })
      .sign(await jose.importJWK(jwk, 'ES256'))
  },

  async stop() {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
    return true
  },

  async verify({ url, token, issuer }) {
    remoteSets[url] ??= jose.createRemoteJWKSet(new URL(url), { cooldownDuration: 0 })
    const { payload, protectedHeader } = await jose.jwtVerify(token, remoteSets[url], { issuer, audience, algorithms: ['ES256', 'EdDSA', 'RS256', 'PS256'] })
    return { subject: payload.sub, kid: protectedHeader.kid }
  },

  async reload({ url }) {
    await remoteSets[url].reload()
    return true
  },
}

await serve(operations)
server?.closeAllConnections()
server?.close()
