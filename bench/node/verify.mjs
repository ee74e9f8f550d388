// Verifies tokens with libraries for Node. Each line of stdin is a command, and
// each line of stdout its result, or an object with "error".
//
// {"library", "cache", "alg", "key", "token", "issuer", "audience"} prepares a
// verifier and results in its number. {"run", "n"} verifies the token n times
// with that verifier.
import { createInterface } from 'node:readline'
import { createSecretKey, createPublicKey } from 'node:crypto'
import jsonwebtoken from 'jsonwebtoken'
import { createVerifier } from 'fast-jwt'
import { jwtVerify } from 'jose'

const prepare = {
  jsonwebtoken({ alg, key, issuer, audience }) {
    const material = keyObject(alg, key)
    const options = { algorithms: [alg], issuer, audience }
    return token => jsonwebtoken.verify(token, material, options)
  },
  jose({ alg, key, issuer, audience }) {
    const material = keyObject(alg, key)
    const options = { algorithms: [alg], issuer, audience }
    return async token => (await jwtVerify(token, material, options)).payload
  },
  'fast-jwt'({ alg, key, issuer, audience, cache }) {
    return createVerifier({
      key: alg.startsWith('HS') ? Buffer.from(key, 'base64') : key,
      algorithms: [alg], allowedIss: issuer, allowedAud: audience, cache,
    })
  },
}

function keyObject(alg, key) {
  return alg.startsWith('HS') ? createSecretKey(Buffer.from(key, 'base64')) : createPublicKey(key)
}

const verifiers = []

async function execute(command) {
  if (command.library) {
    const verify = prepare[command.library](command)
    const payload = await verify(command.token)
    if (!payload.sub) throw new Error('the token has no sub')
    return verifiers.push({ verify, token: command.token, async: command.library === 'jose' }) - 1
  }
  const { verify, token, async } = verifiers[command.run]
  if (async) {
    for (let i = 0; i < command.n; i++) await verify(token)
  } else {
    for (let i = 0; i < command.n; i++) verify(token)
  }
  return command.n
}

for await (const line of createInterface({ input: process.stdin })) {
  let result
  try {
    result = await execute(JSON.parse(line))
  } catch (error) {
    result = { error: String(error) }
  }
  process.stdout.write(JSON.stringify(result) + '\n')
}
