// Logins, logouts, storage and events of session.js. Each case returns a
// failure, or an empty text.

import { LoginRefused, Session, SessionEnded, Unavailable } from '/session.js';
import { all, equal, fails, inFrame, loggedIn, nextName, number, pause, service, until } from './session_support.js';

export const logins = {
	async 'a session that has ended'() {
		const s = service({ '/refresh': (request, s, json) => json(401, { code: 'session_ended' }) });
		const session = await loggedIn(s);
		let told = 0;
		session.addEventListener('ended', () => told++);
		const error = await fails(session.refresh(true));
		const again = await fails(session.fetch('/api'));
		return all(equal('ended', error instanceof SessionEnded && again instanceof SessionEnded, true), equal('told', told, 1), equal('requests', s.requests, ['/login', '/refresh']));
	},

	async 'a 401 of a proxy does not end the session'() {
		const faults = [];
		for (const body of ['<h1>Proxy login</h1>', '{}', '"session_ended"', '{"code":"proxy"}']) {
			const s = service();
			const session = await loggedIn(s, { tokens: 'storage' });
			let proxied = true;
			const behind = new Session({ name: `case-${number}`, tokens: 'storage', fetch: (...args) => (proxied ? new Response(body, { status: 401 }) : s.fetch(...args)) });
			const refused = await fails(behind.refresh(true));
			const out = await fails(behind.logout());
			proxied = false;
			const sent = await (await session.fetch('/api')).json();
			faults.push(equal(`${body}: errors`, [refused?.name, out?.name], ['Unavailable', 'Unavailable']), equal(`${body}: ended`, behind.ended, false), equal(`${body}: sent`, sent.authorization, 'Bearer access-1'));
		}
		return all(...faults);
	},

	async 'a logout of an unknown session succeeds'() {
		const s = service({ '/logout': (request, s, json) => json(401, { code: 'token_invalid' }) });
		const session = await loggedIn(s);
		await session.logout();
		return equal('ended', session.ended, true);
	},

	async 'logout aborts a refresh'() {
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

	async 'a response after the logout is ignored, even without locks'() {
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

	async 'a failed logout keeps the session'() {
		const s = service({ '/logout': (request, s, json) => json(503, {}) });
		const session = await loggedIn(s);
		const error = await fails(session.logout());
		await session.refresh(true);
		return all(equal('an outage', error instanceof Unavailable, true), equal('ended', session.ended, false));
	},

	async 'a failed logout keeps the tokens that another tab has renewed'() {
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

	async 'a failed logout causes no event'() {
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

	async 'a login aborts the refresh of its tab'() {
		const s = service({ '/refresh': (request) => new Promise((_, fail) => { request.signal.addEventListener('abort', () => fail(request.signal.reason)); }) });
		const session = await loggedIn(s, { timeout: 60_000 });
		const late = fails(session.refresh(true));
		await until(() => s.count('/refresh'));
		await session.login('ann', 'secret');
		return equal('called off', (await late) instanceof Unavailable, true);
	},

	async 'a response of the old session is ignored, even without locks'() {
		const faults = [];
		for (const status of [200, 401]) {
			let answer;
			const s = service({ '/refresh': (request, s, json) => new Promise((done) => { answer = () => done(json(status, { code: 'session_ended', expires_in: 60, access_token: 'old', refresh_token: 'old' })); }) });
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

	async 'without locks, login and logout abort a later refresh'() {
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

	async 'an aborted request does not wait for the refresh, which continues'() {
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

	async 'a full storage keeps no old tokens'() {
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

	async 'a page that opens is not a renewal for other tabs'() {
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
		session.adopt(30); // a new login by a form
		return all(equal('told', told, ['change']), equal('left', left > 25_000 && left <= 30_000, true), equal('life', life, 60_000), equal('ended', session.ended, false));
	},

	async 'a refused login'() {
		const s = service({ '/login': (request, s, json) => json(401, { code: 'login_failed' }) });
		const error = await fails(new Session({ name: nextName(), fetch: s.fetch }).login('ann', 'wrong'));
		const t = service({ '/login': () => new Response('Bad Gateway', { status: 502 }) });
		const outage = await fails(new Session({ name: nextName(), fetch: t.fetch }).login('ann', 'secret'));
		return all(equal('refused', error instanceof LoginRefused, true), equal('code', error.code, 'login_failed'), equal('an outage', outage instanceof Unavailable, true));
	},

	async 'an unreachable server'() {
		const session = await loggedIn(service());
		const away = new Session({ name: `case-${number}`, fetch: () => Promise.reject(new TypeError('Failed to fetch')) });
		const errors = await Promise.all([fails(away.fetch('/api')), fails(away.refresh(true)), fails(away.login('a', 'b'))]);
		return all(equal('outages', errors.every((e) => e instanceof Unavailable), true), equal('ended', session.ended, false));
	},

	async 'scripts see no tokens in cookies'() {
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
		await session.logout(); // sends no request
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

	async 'silent renewal continues until it is stopped'() {
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

	async 'silent renewal respects a later expiry'() {
		const s = service({ '/login': (request, s, json) => json(200, { expires_in: 0.5 }) });
		const session = await loggedIn(s);
		session.start();
		new Session({ name: `case-${number}`, fetch: s.fetch }).adopt(60); // a page was opened
		await pause(800);
		session.stop();
		return equal('refreshes', s.count('/refresh'), 0);
	},

	async 'other tabs receive events'() {
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
