// Refreshes, retries and pauses of session.js. Each case returns a failure, or
// an empty text.

import { Session, Unavailable } from '/session.js';
import { all, equal, fails, hurried, loggedIn, number, pause, service, until } from './session_support.js';

export const requests = {
	async 'one refresh at a time'() {
		const s = service();
		const session = await loggedIn(s);
		await Promise.all([session.refresh(true), session.refresh(), session.refresh(true)]);
		return equal('refreshes', s.count('/refresh'), 1);
	},

	async 'one refresh for all tabs'() {
		const s = service({ '/refresh': () => new Promise((done) => setTimeout(done, 30)) });
		const first = await loggedIn(s);
		const tabs = [first, ...[1, 2].map(() => new Session({ name: `case-${number}`, fetch: s.fetch }))];
		await Promise.all(tabs.map((tab) => tab.refresh(true)));
		return equal('refreshes', s.count('/refresh'), 1);
	},

	async 'without locks each tab refreshes'() {
		const s = service({ '/refresh': () => new Promise((done) => setTimeout(done, 30)) });
		const first = await loggedIn(s, { locks: null });
		const tabs = [first, ...[1, 2].map(() => new Session({ name: `case-${number}`, fetch: s.fetch, locks: null }))];
		await Promise.all(tabs.map((tab) => tab.refresh(true)));
		return equal('refreshes', s.count('/refresh'), 3);
	},

	async 'one retry after 401'() {
		const s = service({ '/api': (request, s, json) => json(401, { code: 'token_expired' }) });
		const session = await loggedIn(s);
		const answer = await session.fetch('/api', { method: 'POST', body: 'x' });
		return all(equal('status', answer.status, 401), equal('requests', s.requests, ['/login', '/api', '/refresh', '/api']));
	},

	async 'the retry sends the body again'() {
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

	async 'a request times out'() {
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

	async 'the wait for a lock times out'() {
		const s = service();
		const session = await loggedIn(s, { timeout: 50 }); // waits 2 s longer for the lock
		let letGo;
		const held = new Promise((done) => { letGo = done; });
		navigator.locks.request(`case-${number}`, () => held);
		const error = await fails(session.logout());
		letGo();
		return all(equal('error', String(error), 'undefined'), equal('logouts', s.count('/logout'), 1));
	},

	async 'works without locks if the browser forbids them'() {
		const s = service();
		const session = await loggedIn(s, { locks: { request: () => Promise.reject(new DOMException('no', 'SecurityError')) } });
		await session.refresh(true);
		return equal('refreshes', s.count('/refresh'), 1);
	},

	async 'an incomplete or late response is an outage'() {
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

	async 'no request before the end of Retry-After'() {
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

	async 'Retry-After is seconds or a date, at most 30 seconds'() {
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

	async 'an aborted request ends, and its pause, too'() {
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

	async 'silent renewal backs off'() {
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

	async 'silent renewal has one timer, and stops it'() {
		let answer;
		const s = service({
			'/login': (request, s, json) => json(200, { expires_in: 0.3 }),
			'/refresh'(request, s, json) {
				const life = { expires_in: s.count('/refresh') < 3 ? 0.3 : 4 };
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
		await until(() => session.life === 4000);
		await pause(50);
		session.stop();
		await pause(3500); // a second timer would refresh after 3.2 s
		return all(equal('before', early, 0), equal('refreshes', s.count('/refresh'), 3));
	},

	async 'a GET is repeated after a 503, a POST is not'() {
		const s = service({ '/api': (request, s, json) => (s.count('/api') === 1 ? json(503, {}, { 'Retry-After': '1' }) : undefined) });
		const session = await loggedIn(s);
		const start = performance.now();
		const get = await session.fetch('/api');
		const waited = performance.now() - start;
		const t = service({ '/api': (request, s, json) => json(503, {}) });
		const post = await (await loggedIn(t)).fetch('/api', { method: 'POST' });
		return all(equal('GET', get.status, 200), equal('waited', waited >= 950, true), equal('POST', post.status, 503), equal('POSTs', t.count('/api'), 1));
	},
};
