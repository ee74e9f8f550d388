// The test cases of session.js. The server is a function. Each case returns a
// failure, or undefined.

import { LoginRefused, Session, SessionEnded, Unavailable } from '/session.js';

let number = 0;

// service responds like the handlers. `generation` counts its tokens, and only
// the latest token is valid.
function service(overrides = {}) {
	const s = {
		requests: [],
		generation: 0,
		seen: 0, // the generation of the browser's cookie
		async fetch(input, init = {}) {
			const request = new Request(input, init);
			const path = new URL(request.url).pathname;
			s.requests.push(path);
			const json = (status, body, headers = {}) => new Response(JSON.stringify(body), { status, headers });
			if (overrides[path]) {
				const answer = await overrides[path](request, s, json);
				if (answer) {
					return answer;
				}
			}
			switch (path) {
			case '/login': case '/refresh':
				s.seen = ++s.generation;
				return json(200, { expires_in: 60, access_token: `access-${s.generation}`, refresh_token: `refresh-${s.generation}` });
			case '/logout':
				return new Response(null, { status: 204 });
			default:
				return json(200, { authorization: request.headers.get('Authorization') });
			}
		},
		count: (path) => s.requests.filter((p) => p === path).length,
	};
	return s;
}

async function loggedIn(s, options = {}) {
	const session = new Session({ name: `case-${++number}`, fetch: s.fetch, ...options });
	await session.login('ann', 'secret');
	return session;
}

// inFrame returns the same session in another document, like in another tab.
async function inFrame(s) {
	const frame = document.createElement('iframe');
	frame.src = '/frame';
	document.body.append(frame);
	await new Promise((done) => { frame.onload = done; });
	const { Session: Other } = await frame.contentWindow.eval(`import('/session.js')`);
	return { other: new Other({ name: `case-${number}`, fetch: s.fetch }) };
}

// hurried runs long timers at once and returns their delays in milliseconds.
async function hurried(f) {
	const waits = [];
	const { setTimeout: real } = globalThis;
	globalThis.setTimeout = (then, milliseconds) => {
		if (milliseconds >= 500) {
			waits.push(milliseconds);
		}
		return real(then, 0);
	};
	try {
		await f();
	} finally {
		globalThis.setTimeout = real;
	}
	return waits;
}

const pause = (milliseconds) => new Promise((done) => { setTimeout(done, milliseconds); });
async function until(condition) {
	while (!condition()) {
		await pause(1);
	}
}

const fails = (promise) => promise.then(() => undefined, (error) => error);
const equal = (what, got, want) => (JSON.stringify(got) === JSON.stringify(want) ? '' : `${what}: ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
const all = (...faults) => faults.filter(Boolean).join('; ');

export const cases = {
	async 'a refresh at a time'() {
		const s = service();
		const session = await loggedIn(s);
		await Promise.all([session.refresh(true), session.refresh(), session.refresh(true)]);
		return equal('refreshes', s.count('/refresh'), 1);
	},

	async 'one for all tabs'() {
		const s = service({ '/refresh': () => new Promise((done) => setTimeout(done, 30)) });
		const first = await loggedIn(s);
		const tabs = [first, ...[1, 2].map(() => new Session({ name: `case-${number}`, fetch: s.fetch }))];
		await Promise.all(tabs.map((tab) => tab.refresh(true)));
		return equal('refreshes', s.count('/refresh'), 1);
	},

	async 'each for itself without locks'() {
		const s = service({ '/refresh': () => new Promise((done) => setTimeout(done, 30)) });
		const first = await loggedIn(s, { locks: null });
		const tabs = [first, ...[1, 2].map(() => new Session({ name: `case-${number}`, fetch: s.fetch, locks: null }))];
		await Promise.all(tabs.map((tab) => tab.refresh(true)));
		return equal('refreshes', s.count('/refresh'), 3);
	},

	async 'once more after 401, and only once'() {
		const s = service({ '/api': (request, s, json) => json(401, { code: 'token_expired' }) });
		const session = await loggedIn(s);
		const answer = await session.fetch('/api', { method: 'POST', body: 'x' });
		return all(equal('status', answer.status, 401), equal('requests', s.requests, ['/login', '/api', '/refresh', '/api']));
	},

	async 'the body is sent again'() {
		const bodies = [];
		const s = service({
			async '/api'(request, s, json) {
				bodies.push(await request.text());
				return json(bodies.length === 1 ? 401 : 200, {});
			},
		});
		const session = await loggedIn(s);
		const answer = await session.fetch('/api', { method: 'POST', body: 'x' });
		return all(equal('status', answer.status, 200), equal('bodies', bodies, ['x', 'x']));
	},

	async 'many requests that get 401 lead to one refresh'() {
		const s = service({ '/api': (request, s, json) => (s.seen < 2 ? json(401, {}) : undefined) });
		const session = await loggedIn(s);
		const answers = await Promise.all([1, 2, 3, 4].map(() => session.fetch('/api')));
		return all(equal('statuses', answers.map((a) => a.status), [200, 200, 200, 200]), equal('refreshes', s.count('/refresh'), 1));
	},

	async 'an expired token is renewed before it is used'() {
		const s = service({ '/login': (request, s, json) => json(200, { expires_in: 0 }) });
		const session = await loggedIn(s);
		await session.fetch('/api');
		return equal('requests', s.requests, ['/login', '/refresh', '/api']);
	},

	async 'given up after its time'() {
		let signal;
		const session = await loggedIn(service());
		const slow = new Session({
			name: `case-${number}`,
			timeout: 50,
			fetch: (input, init) => new Promise((_, fail) => {
				signal = init.signal;
				signal.addEventListener('abort', () => fail(signal.reason));
			}),
		});
		const error = await fails(slow.refresh(true));
		await session.refresh(true); // the lock is free again, the session as it was
		return all(equal('aborted', signal.aborted, true), equal('an outage', error instanceof Unavailable, true));
	},

	async 'a tab that never lets go is not awaited for ever'() {
		const s = service();
		const session = await loggedIn(s, { timeout: 50 }); // waits 2 s longer for the lock
		let letGo;
		const held = new Promise((done) => { letGo = done; });
		navigator.locks.request(`case-${number}`, () => held);
		const error = await fails(session.logout());
		letGo();
		return all(equal('error', String(error), 'undefined'), equal('logouts', s.count('/logout'), 1));
	},

	async 'locks that are not allowed are done without'() {
		const s = service();
		const session = await loggedIn(s, { locks: { request: () => Promise.reject(new DOMException('no', 'SecurityError')) } });
		await session.refresh(true);
		return equal('refreshes', s.count('/refresh'), 1);
	},

	async 'what is not answered whole, or in time, is an outage'() {
		const hang = (request) => fetch('/hang', { signal: request.signal });
		const faults = [];
		for (const [what, answer] of Object.entries({
			'cut off': () => fetch('/cut'), 'no JSON': () => new Response('<html>'), 'no tokens': () => new Response('{}'), 'null': () => new Response('null'), hang,
		})) {
			const s = service({ '/refresh': answer, '/logout': answer });
			const session = await loggedIn(s, { timeout: 300 });
			const errors = [await fails(session.refresh(true)), await fails(session.logout())];
			const other = service({ '/login': answer });
			errors.push(await fails(loggedIn(other, { timeout: 300 })));
			faults.push(equal(what, errors.map((e) => e instanceof Unavailable), [true, true, true]), equal(`${what}: ended`, session.ended, false));
		}
		return all(...faults);
	},

	async '503 is not asked again before its time'() {
		let times = [];
		const s = service({
			'/refresh'(request, s, json) {
				times.push(performance.now());
				return times.length === 1 ? json(503, {}, { 'Retry-After': '1' }) : undefined;
			},
		});
		const session = await loggedIn(s);
		const error = await fails(session.refresh(true));
		await session.refresh(true);
		return all(equal('an outage', error instanceof Unavailable, true), equal('waited', times[1] - times[0] >= 950, true), equal('ended', session.ended, false));
	},

	async 'Retry-After is seconds or a date, and at most 30 seconds are waited'() {
		const faults = [];
		const later = new Date(Date.now() + 10_000).toUTCString();
		for (const [field, least, most] of [['7', 7000, 7000], [later, 8500, 10_000], ['120', 30_000, 30_000], ['0', 1000, 1000], [new Date(0).toUTCString(), 1000, 1000], ['soon', 1000, 1000]]) {
			const s = service({
				'/refresh': (request, s, json) => (s.count('/refresh') === 1 ? json(503, {}, { 'Retry-After': field }) : undefined),
				'/api': (request, s, json) => (s.count('/api') === 1 ? json(503, {}, { 'Retry-After': field }) : undefined),
			});
			const session = await loggedIn(s);
			const waits = await hurried(async () => {
				await session.fetch('/api');
				await fails(session.refresh(true));
				await session.refresh(true);
			});
			faults.push(equal(field, waits.map((wait) => wait <= most && wait >= least - 500), [true, true]));
		}
		return all(...faults);
	},

	async 'a request that is called off ends, its waiting, too'() {
		const s = service({ '/api': (request, s, json) => json(503, {}, { 'Retry-After': '20' }) });
		const session = await loggedIn(s);
		const control = new AbortController();
		const late = fails(session.fetch('/api', { signal: control.signal }));
		await until(() => s.count('/api') === 1);
		const start = performance.now();
		setTimeout(() => control.abort(), 50);
		const error = await late;
		const atOnce = performance.now() - start < 5000;
		const t = service({ '/api': (request) => new Promise((_, fail) => { request.signal.addEventListener('abort', () => fail(request.signal.reason)); }) });
		const other = await fails((await loggedIn(t)).fetch('/api', { signal: AbortSignal.timeout(50) }));
		return all(equal('error', error?.name, 'AbortError'), equal('at once', atOnce, true), equal('a request', other?.name, 'TimeoutError'));
	},

	async 'a server that cannot be reached is asked less and less often'() {
		let asked = 0;
		const session = await loggedIn(service({
			'/login': (request, s, json) => json(200, { expires_in: 0 }),
			'/refresh'() {
				asked++;
				throw new TypeError('Failed to fetch');
			},
		}));
		const waits = await hurried(async () => {
			session.start();
			await until(() => asked >= 8);
			session.stop();
		});
		return equal('waits', waits.slice(0, 7), [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
	},

	async 'silent renewal has one timer, and none when it is stopped'() {
		let answer;
		const s = service({
			'/login': (request, s, json) => json(200, { expires_in: 0.3 }),
			'/refresh'(request, s, json) {
				const life = { expires_in: s.count('/refresh') < 3 ? 0.3 : 2 };
				return answer ? json(200, life) : new Promise((done) => { answer = () => done(json(200, life)); });
			},
		});
		const session = await loggedIn(s);
		session.start();
		session.stop();
		await pause(400);
		const early = s.count('/refresh');
		session.start();
		await until(() => answer);
		session.stop();
		session.start();
		answer();
		await until(() => session.life === 2000);
		await pause(50);
		session.stop();
		await pause(1800);
		return all(equal('before', early, 0), equal('refreshes', s.count('/refresh'), 3));
	},

	async 'a GET waits out a 503, a POST does not'() {
		const s = service({ '/api': (request, s, json) => (s.count('/api') === 1 ? json(503, {}, { 'Retry-After': '1' }) : undefined) });
		const session = await loggedIn(s);
		const start = performance.now();
		const get = await session.fetch('/api');
		const waited = performance.now() - start;
		const t = service({ '/api': (request, s, json) => json(503, {}) });
		const post = await (await loggedIn(t)).fetch('/api', { method: 'POST' });
		return all(equal('GET', get.status, 200), equal('waited', waited >= 950, true), equal('POST', post.status, 503), equal('POSTs', t.count('/api'), 1));
	},

	async 'a session that is over'() {
		const s = service({ '/refresh': (request, s, json) => json(401, { code: 'session_ended' }) });
		const session = await loggedIn(s);
		let told = 0;
		session.addEventListener('ended', () => told++);
		const error = await fails(session.refresh(true));
		const again = await fails(session.fetch('/api'));
		return all(equal('ended', error instanceof SessionEnded && again instanceof SessionEnded, true), equal('told', told, 1), equal('requests', s.requests, ['/login', '/refresh']));
	},

	async 'logout calls a refresh off, and none follows'() {
		let refreshing;
		const under = new Promise((done) => { refreshing = done; });
		const s = service();
		const fetch = (input, init = {}) => {
			if (!String(input).endsWith('/refresh')) {
				return s.fetch(input, init);
			}
			refreshing();
			return new Promise((_, fail) => init.signal.addEventListener('abort', () => fail(init.signal.reason)));
		};
		const session = await loggedIn(s, { fetch, timeout: 60_000 });
		const late = fails(session.refresh(true));
		await under;
		await session.logout();
		await late;
		const error = await fails(session.refresh(true));
		return all(equal('ended', error instanceof SessionEnded, true), equal('requests', s.requests, ['/login', '/logout']));
	},

	async 'an answer after the logout counts for nothing, even without locks'() {
		let answer;
		const s = service({ '/refresh': () => new Promise((done) => { answer = done; }) });
		const one = await loggedIn(s, { locks: null });
		const other = new Session({ name: `case-${number}`, fetch: s.fetch, locks: null });
		const late = fails(one.refresh(true));
		await until(() => answer);
		await other.logout();
		answer();
		return all(equal('error', (await late) instanceof SessionEnded, true), equal('ended', one.ended && other.ended, true));
	},

	async 'a logout that fails leaves the session'() {
		const s = service({ '/logout': (request, s, json) => json(503, {}) });
		const session = await loggedIn(s);
		const error = await fails(session.logout());
		await session.refresh(true);
		return all(equal('an outage', error instanceof Unavailable, true), equal('ended', session.ended, false));
	},

	async 'a logout that fails keeps what another tab has renewed'() {
		let answer;
		const s = service({
			'/refresh': () => new Promise((done) => { answer = done; }),
			'/logout': (request, s, json) => json(503, {}),
		});
		const session = await loggedIn(s, { tokens: 'storage' });
		const other = new Session({ name: `case-${number}`, fetch: s.fetch, tokens: 'storage' });
		const refreshed = other.refresh(true);
		await until(() => answer);
		const out = fails(session.logout()); // waits for the lock
		await pause(20);
		answer();
		await Promise.all([refreshed, out]);
		const sent = await (await session.fetch('/api')).json();
		return equal('sent', sent.authorization, 'Bearer access-2');
	},

	async 'nobody is told of a logout that fails'() {
		const s = service({ '/logout': (request, s, json) => pause(100).then(() => json(503, {})) });
		const session = await loggedIn(s);
		const { other } = await inFrame(s);
		const told = [];
		for (const [tab, name] of [[session, 'this'], [other, 'other']]) {
			tab.addEventListener('ended', () => told.push(name));
		}
		await fails(session.logout());
		await pause(100);
		return all(equal('told', told, []), equal('ended', session.ended || other.ended, false));
	},

	async 'a login waits for the refresh of another tab'() {
		let answer;
		const s = service({ '/refresh': () => new Promise((done) => { answer = done; }) });
		const session = await loggedIn(s, { tokens: 'storage' });
		const late = session.refresh(true);
		await until(() => answer);
		const other = new Session({ name: `case-${number}`, fetch: s.fetch, tokens: 'storage' });
		const login = other.login('ann', 'secret');
		await pause(20);
		const early = s.count('/login');
		answer();
		await Promise.all([late, login]);
		const sent = await (await session.fetch('/api')).json();
		return all(equal('logins', early, 1), equal('sent', sent.authorization, 'Bearer access-3'));
	},

	async 'a login calls off the refresh of its tab'() {
		const s = service({ '/refresh': (request) => new Promise((_, fail) => { request.signal.addEventListener('abort', () => fail(request.signal.reason)); }) });
		const session = await loggedIn(s, { timeout: 60_000 });
		const late = fails(session.refresh(true));
		await until(() => s.count('/refresh'));
		await session.login('ann', 'secret');
		return equal('called off', (await late) instanceof Unavailable, true);
	},

	async 'an answer of the session before counts for nothing, even without locks'() {
		const faults = [];
		for (const status of [200, 401]) {
			let answer;
			const s = service({ '/refresh': (request, s, json) => new Promise((done) => { answer = () => done(json(status, { expires_in: 60, access_token: 'old', refresh_token: 'old' })); }) });
			const session = await loggedIn(s, { tokens: 'storage', locks: null });
			const late = fails(session.refresh(true));
			await until(() => answer);
			await new Session({ name: `case-${number}`, fetch: s.fetch, tokens: 'storage', locks: null }).login('ann', 'secret');
			answer();
			const error = await late;
			const sent = await (await session.fetch('/api')).json();
			faults.push(equal(`${status}: error`, error?.name, undefined), equal(`${status}: sent`, sent.authorization, 'Bearer access-2'));
		}
		return all(...faults);
	},

	async 'without locks, login and logout call off what has begun meanwhile'() {
		const faults = [];
		for (const path of ['/login', '/logout']) {
			let answer;
			const s = service({
				'/refresh': (request) => new Promise((_, fail) => { request.signal.addEventListener('abort', () => fail(request.signal.reason)); }),
				[path]: (request, s) => (s.count(path) + s.count('/login') > (path === '/login' ? 2 : 1) ? new Promise((done) => { answer = done; }) : undefined),
			});
			const session = await loggedIn(s, { locks: null, timeout: 60_000 });
			const under = path === '/login' ? session.login('ann', 'secret') : session.logout();
			await until(() => answer);
			const late = fails(session.refresh(true));
			await until(() => s.count('/refresh'));
			answer();
			await under;
			faults.push(equal(path, (await late) instanceof Error, true));
		}
		return all(...faults);
	},

	async 'a request that is called off does not wait for the refresh, which goes on'() {
		let answer;
		const s = service({
			'/api': (request, s, json) => json(401, {}),
			'/refresh': () => new Promise((done) => { answer = done; }),
		});
		const session = await loggedIn(s);
		const stop = new AbortController();
		const request = fails(session.fetch('/api', { signal: stop.signal }));
		await until(() => answer);
		stop.abort();
		const error = await request;
		answer();
		await session.refresh();
		return all(equal('error', error?.name, 'AbortError'), equal('refreshes', s.count('/refresh'), 1), equal('ended', session.ended, false));
	},

	async 'tokens do not stay in a storage that takes nothing new'() {
		const kept = new Map();
		let full = false;
		const storage = {
			getItem: (name) => kept.get(name) ?? null,
			setItem(name, value) {
				if (full) {
					throw new DOMException('full', 'QuotaExceededError');
				}
				kept.set(name, value);
			},
			removeItem: (name) => kept.delete(name),
		};
		const session = await loggedIn(service(), { tokens: 'storage', storage });
		full = true;
		await session.logout();
		return all(equal('kept', [...kept.values()], []), equal('ended', session.ended, true));
	},

	async '401 after another tab has logged out'() {
		let other;
		const s = service({ '/api': (request, s, json) => other.logout().then(() => json(401, {})) });
		const session = await loggedIn(s);
		other = new Session({ name: `case-${number}`, fetch: s.fetch });
		const error = await fails(session.fetch('/api'));
		return all(equal('ended', error instanceof SessionEnded, true), equal('requests', s.requests, ['/login', '/api', '/logout']));
	},

	async 'a page that is opened renews nothing for the others'() {
		const s = service();
		const session = await loggedIn(s);
		const { other } = await inFrame(s);
		const told = [];
		for (const tab of [session, other]) {
			tab.addEventListener('change', () => told.push('change'));
		}
		new Session({ name: `case-${number}`, fetch: s.fetch }).adopt(30);
		await pause(100);
		const left = session.expiresAt - Date.now();
		const life = session.life;
		await session.logout();
		session.adopt(30); // logged in anew, by a form
		return all(equal('told', told, ['change']), equal('left', left > 25_000 && left <= 30_000, true), equal('life', life, 60_000), equal('ended', session.ended, false));
	},

	async 'a refused login'() {
		const s = service({ '/login': (request, s, json) => json(401, { code: 'login_failed' }) });
		const error = await fails(new Session({ name: `case-${++number}`, fetch: s.fetch }).login('ann', 'wrong'));
		const t = service({ '/login': () => new Response('Bad Gateway', { status: 502 }) });
		const outage = await fails(new Session({ name: `case-${++number}`, fetch: t.fetch }).login('ann', 'secret'));
		return all(equal('refused', error instanceof LoginRefused, true), equal('code', error.code, 'login_failed'), equal('an outage', outage instanceof Unavailable, true));
	},

	async 'a server that is not there'() {
		const session = await loggedIn(service());
		const away = new Session({ name: `case-${number}`, fetch: () => Promise.reject(new TypeError('Failed to fetch')) });
		const errors = await Promise.all([fails(away.fetch('/api')), fails(away.refresh(true)), fails(away.login('a', 'b'))]);
		return all(equal('outages', errors.every((e) => e instanceof Unavailable), true), equal('ended', session.ended, false));
	},

	async 'tokens in cookies are never seen here'() {
		const s = service();
		await loggedIn(s);
		return equal('kept', localStorage.getItem(`case-${number}`).includes('access-'), false);
	},

	async 'tokens in storage'() {
		const sent = [];
		const s = service({
			async '/refresh'(request) { sent.push(await request.text()); },
			async '/logout'(request) { sent.push(await request.text()); },
		});
		const session = await loggedIn(s, { tokens: 'storage' });
		const before = await (await session.fetch('/api')).json();
		await session.refresh(true);
		const after = await (await session.fetch('/api')).json();
		await session.logout();
		await session.logout(); // has nothing to send
		return all(
			equal('before', before.authorization, 'Bearer access-1'), equal('after', after.authorization, 'Bearer access-2'),
			equal('sent', sent, ['{"refresh_token":"refresh-1"}', '{"refresh_token":"refresh-2"}']),
			equal('left', localStorage.getItem(`case-${number}`), '{"at":"ended"}'),
		);
	},

	async 'without localStorage'() {
		const s = service();
		for (const storage of [null, { getItem() { throw new Error('no'); }, setItem() { throw new Error('no'); } }]) {
			const session = await loggedIn(s, { storage });
			await session.refresh(true);
			await session.logout();
			if (!session.ended) {
				return 'not ended';
			}
		}
		return equal('refreshes', s.count('/refresh'), 2);
	},

	async 'silent renewal goes on until it is stopped'() {
		const s = service({ '/refresh': (request, s, json) => json(200, { expires_in: 0.3 }) });
		const session = await loggedIn(s);
		session.adopt(0.3);
		session.start();
		await new Promise((done) => {
			session.addEventListener('change', () => s.count('/refresh') >= 3 && done());
		});
		session.stop();
		return equal('expires', session.expiresAt > 0, true);
	},

	async 'silent renewal knows of a later end'() {
		const s = service({ '/login': (request, s, json) => json(200, { expires_in: 0.5 }) });
		const session = await loggedIn(s);
		session.start();
		new Session({ name: `case-${number}`, fetch: s.fetch }).adopt(60); // a page was opened
		await pause(800);
		session.stop();
		return equal('refreshes', s.count('/refresh'), 0);
	},

	async 'other tabs are told'() {
		const s = service();
		const session = await loggedIn(s);
		const { other } = await inFrame(s);
		const told = (kind) => new Promise((done) => { other.addEventListener(kind, done, { once: true }); });
		const changed = told('change');
		await session.refresh(true);
		await changed;
		const ended = told('ended');
		await session.logout();
		await ended;
		return equal('ended', other.ended, true);
	},
};
