// A server with one protected route, as the tutorials of its framework show it.
// The first argument is the framework. The environment variable BENCH_SECRET
// holds the secret in base64. The server prints its URL and ends with stdin.
import express from 'express'
import jsonwebtoken from 'jsonwebtoken'
import fastify from 'fastify'
import fastifyJWT from '@fastify/jwt'

const secret = Buffer.from(process.env.BENCH_SECRET, 'base64')

const servers = {
  async express() {
    const app = express()
    app.get('/me', (req, res) => {
      const [scheme, token] = (req.headers.authorization ?? '').split(' ')
      if (scheme !== 'Bearer') return res.sendStatus(401)
      jsonwebtoken.verify(token, secret, (err, user) => {
        if (err) return res.sendStatus(403)
        res.json({ subject: user.sub, role: user.role })
      })
    })
    return new Promise(resolve => {
      const server = app.listen(0, '127.0.0.1', () => resolve(server.address().port))
    })
  },
  async fastify() {
    const app = fastify()
    await app.register(fastifyJWT, { secret, verify: { cache: true } })
    app.get('/me', { onRequest: request => request.jwtVerify() },
      async request => ({ subject: request.user.sub, role: request.user.role }))
    await app.listen({ port: 0, host: '127.0.0.1' })
    return app.server.address().port
  },
}

const port = await servers[process.argv[2]]()
console.log(`http://127.0.0.1:${port}/me`)
process.stdin.on('end', () => process.exit()).resume()
