// The server that a Node team would write for the same job: Fastify, jose, ioredis, pg, Pino.
// It stands here to be measured against; it answers GET /healthz and GET /api/entitlements/:profileId as supernova-server does.
//
//   npm install && PORT=3999 JWKS_FILE=… AUTH_ISSUER=… AUTH_AUDIENCE=… DATABASE_URL=… REDIS_URL=… node server.js
const fs = require('node:fs')
const { createLocalJWKSet, jwtVerify } = require('jose')
const { Pool } = require('pg')
const { Redis } = require('ioredis')

const env = process.env
const keys = createLocalJWKSet(JSON.parse(fs.readFileSync(env.JWKS_FILE, 'utf8')))
const claims = { issuer: env.AUTH_ISSUER, audience: env.AUTH_AUDIENCE, algorithms: ['RS256'] }
const readMax = Number(env.RATE_LIMIT_READ_MAX || 120)
const windowMs = Number(env.RATE_LIMIT_WINDOW_MS || 60000)
const db = new Pool({ connectionString: env.DATABASE_URL, max: Number(env.DB_POOL || 4) })
const redis = new Redis(env.REDIS_URL)
redis.defineCommand('hit', {
  numberOfKeys: 1,
  lua: `local n = redis.call('INCR', KEYS[1])
        if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
        return {n, redis.call('PTTL', KEYS[1])}`
})

const app = require('fastify')({ logger: env.LOG_LEVEL ? { level: env.LOG_LEVEL } : false })
app.get('/healthz', async () => ({ ok: true }))
app.get('/api/entitlements/:profileId', async (request, reply) => {
  let payload
  try {
    payload = (await jwtVerify((request.headers.authorization || '').slice(7), keys, claims)).payload
  } catch {
    return reply.code(401).send({ ok: false })
  }
  const [count, ttl] = await redis.hit(`peer:${payload.sub}`, windowMs)
  if (count > readMax) return reply.code(429).header('retry-after', Math.ceil(ttl / 1000)).send({ ok: false })
  const id = request.params.profileId
  const roles = payload.roles || []
  if (payload.sub !== id && !roles.includes('admin') && !roles.includes('finance')) return reply.code(403).send({ ok: false })
  const { rows } = await db.query({ name: 'entitlement', text: env.PEER_SQL, values: [id] })
  return { ok: true, entitlements: rows[0] }
})
app.listen({ port: Number(env.PORT), host: '127.0.0.1' })
