// The Node side of the interop tests. It reads one JSON request per line,
// responds with one line of JSON, and ends with its input.

import * as nodeCrypto from 'node:crypto'
import { serve } from '../internal/node/serve.mjs'

const jose = await import('jose')
const { default: jwt } = await import('jsonwebtoken')
const bcrypts = {
  bcrypt: async () => (await import('bcrypt')).default,
  bcryptjs: async () => (await import('bcryptjs')).default,
}

// A key comes as {pem}, {jwk} or {secret} (base64), and each library reads it
// by the means that its users have.
const keyFor = {
  jsonwebtoken({ pem, jwk, secret }) {
    if (pem) return pem
    if (secret) return Buffer.from(secret, 'base64')
    return jwk.d
      ? nodeCrypto.createPrivateKey({ key: jwk, format: 'jwk' })
      : nodeCrypto.createPublicKey({ key: jwk, format: 'jwk' })
  },
  async jose({ pem, jwk, secret }, alg) {
    if (secret) return Buffer.from(secret, 'base64')
    if (jwk) return jose.importJWK(jwk, alg)
    return pem.includes('PRIVATE')
      ? jose.importPKCS8(pem, alg, { extractable: true })
      : jose.importSPKI(pem, alg, { extractable: true })
  },
}

const operations = {
  // claims is an object, or for jose the text of a payload to sign as it is.
  async sign({ lib, alg, key, kid, claims }) {
    const k = await keyFor[lib](key, alg)
    if (lib === 'jsonwebtoken') return jwt.sign(claims, k, { algorithm: alg, ...(kid && { keyid: kid }) })
    const header = { alg, kid, typ: 'JWT' }
    return typeof claims === 'string'
      ? new jose.CompactSign(new TextEncoder().encode(claims)).setProtectedHeader(header).sign(k)
      : new jose.SignJWT(claims).setProtectedHeader(header).sign(k)
  },

  async verify({ lib, alg, key, token, issuer, audience }) {
    const k = await keyFor[lib](key, alg)
    const options = { algorithms: [alg], issuer, audience }
    const { header, protectedHeader, payload } =
      lib === 'jsonwebtoken' ? jwt.verify(token, k, { ...options, complete: true }) : await jose.jwtVerify(token, k, options)
    return { header: header ?? protectedHeader, claims: payload }
  },

  // A new key pair in every form that Node writes.
  async generate({ alg }) {
    const { privateKey, publicKey } = await jose.generateKeyPair(alg, { extractable: true })
    const secret = nodeCrypto.KeyObject.from(privateKey)
    const pem = (type) => secret.export({ type, format: 'pem' })
    const publicJWK = await jose.exportJWK(publicKey)
    return {
      thumbprint: await jose.calculateJwkThumbprint(publicJWK),
      private: {
        pkcs8: pem('pkcs8'),
        pkcs1: secret.asymmetricKeyType.startsWith('rsa') ? pem('pkcs1') : undefined,
        sec1: secret.asymmetricKeyType === 'ec' ? pem('sec1') : undefined,
        jwk: await jose.exportJWK(privateKey),
      },
      public: { spki: await jose.exportSPKI(publicKey), jwk: publicJWK },
    }
  },

  // The JWK of a key that comes in another form, and its thumbprint.
  async jwk({ alg, key }) {
    const jwk = await jose.exportJWK(await keyFor.jose(key, alg))
    return { jwk, thumbprint: await jose.calculateJwkThumbprint(jwk) }
  },

  async hash({ lib, password, cost }) {
    return (await bcrypts[lib]()).hash(password, cost)
  },

  async compare({ lib, password, hash }) {
    return (await bcrypts[lib]()).compare(password, hash)
  },
}

await serve(operations)
