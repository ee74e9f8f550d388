// An OpenID provider to try examples/openid-login with, and for its test:
//
//	node e2e/browser/provider.mjs [redirect URI [port]]
//
// It accepts any user name and password, and forgets everything when it stops.

import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'

const [redirectURI = 'http://127.0.0.1:8080/callback', port = '9000'] = process.argv.slice(2)

console.info = console.warn = console.error // only the address goes to the output
const { default: Provider } = await import('oidc-provider')

const client = {
  client_id: 'app',
  client_secret: 'app-secret',
  redirect_uris: [redirectURI],
  response_types: ['code'],
  grant_types: ['authorization_code'],
  id_token_signed_response_alg: 'ES256',
  require_auth_time: true,
  // The provider calls the application itself, so by its address.
  backchannel_logout_uri: `http://127.0.0.1:${new URL(redirectURI).port}/backchannel-logout`,
}

const server = createServer((request, response) => answer(request, response))
await new Promise((done) => server.listen(Number(port), '127.0.0.1', done))
const issuer = `http://127.0.0.1:${server.address().port}`

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const provider = new Provider(issuer, {
  clients: [client],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'key-1', alg: 'ES256', use: 'sig' }] },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  pkce: { required: () => true },
  claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: `${id} of the provider`, email: `${id}@example.com`, email_verified: true }),
  }),
  // By default it refuses to call loopback addresses. The application has one.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  features: { devInteractions: { enabled: true }, backchannelLogout: { enabled: true } },
})
provider.on('backchannel.error', (_, error) => console.error('back-channel logout:', error))
const answer = provider.callback()
console.log(`issuer ${issuer}, client app, secret app-secret, redirect URI ${redirectURI}`)

if (!process.stdin.isTTY) { // a test ends it by closing its input
  process.stdin.on('end', () => process.exit()).resume()
}
