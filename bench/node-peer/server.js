// The peer of the benchmark: POST and GET of items over MySQL, cached in Redis, as a careful team
// would write it in Node. It has no outage path, no change log and no hash, and unless it is told to no
// operation ids: it does less than relevo does for each request. A create answers and caches the row as MySQL has it, with
// version and updated_at, like relevo's. With "echo" as the last argument it answers and caches what
// the request said, and saves reading the row: then nobody knows its version. With "recorded" it also
// writes down which operations it applied, in the transaction of each, as relevo does: without that
// nobody can tell whether a write whose answer was lost was done.
import Fastify from "fastify";
import Redis from "ioredis";
import { randomBytes } from "node:crypto";
import mysql from "mysql2/promise";

const [port, mysqlPort, redisPort] = process.argv.slice(2).map(Number);
const echo = process.argv[5] === "echo";
const recorded = process.argv[5] === "recorded";
const pool = mysql.createPool({
  host: "127.0.0.1", port: mysqlPort, user: "relevo", password: "relevo", database: "relevo",
  connectionLimit: 32, dateStrings: true,
});
const redis = new Redis(redisPort, "127.0.0.1");
const app = Fastify();

await pool.query(`CREATE TABLE IF NOT EXISTS peer_items (
  id BIGINT AUTO_INCREMENT PRIMARY KEY, code VARCHAR(50), type VARCHAR(50), status VARCHAR(50),
  area VARCHAR(100), acquisition_date DATE NULL, version BIGINT UNSIGNED NOT NULL DEFAULT 1,
  updated_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6))`);

await pool.query(`CREATE TABLE IF NOT EXISTS peer_applied (
  op BINARY(16) PRIMARY KEY, item_id BIGINT NOT NULL, applied_at TIMESTAMP(6) NOT NULL)`);

const text = (max) => ({ type: "string", minLength: 1, maxLength: max });
const body = {
  type: "object",
  required: ["code", "type", "status", "area"],
  properties: {
    code: text(50), type: text(50), status: text(50), area: text(100),
    acquisition_date: { type: ["string", "null"] },
  },
};

const stored = async (db, id) =>
  (await db.execute("SELECT * FROM peer_items WHERE id = ?", [id]))[0][0];

async function insert(db, { code, type, status, area, acquisition_date = null }) {
  const [result] = await db.execute(
    "INSERT INTO peer_items (code, type, status, area, acquisition_date) VALUES (?, ?, ?, ?, ?)",
    [code, type, status, area, acquisition_date]);
  return echo ? { id: result.insertId, code, type, status, area, acquisition_date }
    : await stored(db, result.insertId);
}

async function insertRecorded(item) {
  const db = await pool.getConnection();
  try {
    await db.beginTransaction();
    const row = await insert(db, item);
    await db.execute("INSERT INTO peer_applied VALUES (?, ?, NOW(6))", [randomBytes(16), row.id]);
    await db.commit();
    return row;
  } catch (error) {
    await db.rollback();
    throw error;
  } finally {
    db.release();
  }
}

app.post("/items", { schema: { body } }, async (request, reply) => {
  const item = recorded ? await insertRecorded(request.body) : await insert(pool, request.body);
  await redis.hset("peer:items", item.id, JSON.stringify(item));
  return reply.code(201).send({ source: "MySQL", status: "success", data: item });
});

app.get("/items/:id", async (request, reply) => {
  const cached = await redis.hget("peer:items", request.params.id);
  if (cached === null) return reply.code(404).send({ title: "Not found" });
  return { source: "REDIS_CACHE", data: JSON.parse(cached) };
});

app.get("/items", async (request) => {
  const limit = Number(request.query.limit ?? 1000);
  const ids = Array.from({ length: limit }, (_, i) => i + 1);
  const rows = await redis.hmget("peer:items", ...ids);
  const data = rows.filter((row) => row !== null).map((row) => JSON.parse(row));
  return { source: "REDIS_CACHE", data, count: data.length };
});

await app.listen({ port, host: "127.0.0.1" });
console.log(`peer on ${port}`);
