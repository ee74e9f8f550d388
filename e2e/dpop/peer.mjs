// The Node side of the DPoP tests: a provider whose tokens are bound to a key
// (oidc-provider), and a client that makes the proofs (oauth4webapi). It reads
// one JSON request per line, responds with one line of JSON, and ends with its
// input.

import { createServer } from 'node:http'
import { serve } from '../internal/node/serve.mjs'

const jose = await import('jose')
const oauth = await import('oauth4webapi')
const { default: Provider } = await import('oidc-provider')

const audience = 'https://api.example'
const client = { client_id: 'app' }

const configuration = (key, requireNonce) => ({
  clients: [{
    client_id: 'app',
    client_secret: 'app-secret',
    token_endpoint_auth_method: 'client_secret_post',
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    id_token_signed_response_alg: 'ES256',
  }],
  cookies: { keys: ['not used by this grant'] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    dPoP: { enabled: true, nonceSecret: Buffer.alloc(32, 7), requireNonce: () => requireNonce },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => ({
        scope: 'items:read',
        audience,
        accessTokenFormat: 'jwt',
        accessTokenTTL: 600,
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
  jwks: { keys: [key] },
})

let server, issuer
const handles = {} // DPoP handles of clients, by name

// withNonce repeats a request once if the server demands a nonce, which the
// handle has kept.
async function withNonce(request) {
  try {
    return await request()
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) {
      throw error
    }
    return await request()
  }
}

const operations = {
  async provider({ requireNonce }) {
    const { privateKey } = await jose.generateKeyPair('ES256', { extractable: true })
    const key = { ...(await jose.exportJWK(privateKey)), kid: 'k', alg: 'ES256', use: 'sig' }
    let answer
    server = createServer((req, res) => answer(req, res))
    await new Promise((done) => server.listen(0, '127.0.0.1', done))
    issuer = `http://127.0.0.1:${server.address().port}`
    answer = new Provider(issuer, configuration(key, requireNonce)).callback()
    return { issuer }
  },

  // client generates a key and returns its thumbprint.
  async client({ name, alg }) {
    const pair = await oauth.generateKeyPair(alg)
    handles[name] = oauth.DPoP(client, pair)
    return { thumbprint: await handles[name].calculateThumbprint() }
  },

  // token gets a token from the provider, bound to the key of a client.
  async token({ name }) {
    const insecure = { [oauth.allowInsecureRequests]: true }
    const as = await oauth.processDiscoveryResponse(new URL(issuer), await oauth.discoveryRequest(new URL(issuer), insecure))
    const parameters = new URLSearchParams({ resource: audience, scope: 'items:read' })
    const result = await withNonce(async () => {
      const response = await oauth.clientCredentialsGrantRequest(as, client, oauth.ClientSecretPost('app-secret'), parameters, { ...insecure, DPoP: handles[name] })
      return await oauth.processClientCredentialsResponse(as, client, response)
    })
    return { token: result.access_token, type: result.token_type }
  },

  // call requests a protected resource with a token and a proof by a client.
  async call({ name, token, method, url }) {
    try {
      const response = await withNonce(() => oauth.protectedResourceRequest(token, method, new URL(url), new Headers(), null,
        { DPoP: handles[name], [oauth.allowInsecureRequests]: true }))
      return { status: response.status, body: await response.text() }
    } catch (error) {
      if (error instanceof oauth.WWWAuthenticateChallengeError) {
        return { status: error.status, challenge: error.response.headers.get('www-authenticate') }
      }
      throw error
    }
  },
}

await serve(operations)
server?.closeAllConnections()
server?.close()
