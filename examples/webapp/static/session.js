// A client for the login sessions of a jwtauth service, for any page. It depends on nothing.
//
//	import { Session } from './session.js';
//
//	const session = new Session();
//	await session.login('ann', password);
//	const answer = await session.fetch('/api/me'); // refreshes when that is due
//	await session.logout();
//
// In cookie mode (the default) no token is ever seen here: the browser sends the cookies, and the answers
// of login and refresh say how long the access token lasts. With `tokens: 'storage'` tokens are
// kept in localStorage and sent as bearer tokens; every script on the page can then read them and take them away.
//
// What it takes care of:
//
//   - One refresh at a time, in this tab and over all tabs (Web Locks). Where a browser has no Web Locks, tabs
//     may refresh at once, which the server answers with one rotation (ReuseWindow).
//   - A login, refresh or logout that is not answered within 8 seconds is given up. A refresh can be asked again:
//     the server answers the same token once more.
//   - Login and logout take the same lock, after they have called off this tab's refresh, so that no late answer
//     of the old session replaces what they have done. All tabs are told once it is done, and not before.
//   - After a 401 it refreshes and sends the request once more, once.
//   - After a 503 it waits for as long as Retry-After says, at least 1 second and at most 30.
//   - Silent renewal asks a server that it cannot reach less and less often, at the least every 30 seconds.

/** The session has ended: only a login helps. */
export class SessionEnded extends Error {
	name = 'SessionEnded';
}

/** The server cannot be reached, or cannot decide now. The session stands; try again later. */
export class Unavailable extends Error {
	name = 'Unavailable';
}

/** A login was refused: `code` says why (login_failed, …), `status` is the HTTP status. */
export class LoginRefused extends Error {
	name = 'LoginRefused';
	constructor(status, code) {
		super(`login refused: ${code}`);
		this.status = status;
		this.code = code;
	}
}

/**
 * Session is one login of this browser. Its events: "change" when tokens were renewed or the session began, by this tab or
 * another; "ended" when it is over. Instances with one name share their session.
 */
export class Session extends EventTarget {
	#options;
	#refreshing = null; // promise of the refresh under way
	#giveUp = null; // AbortController of its request
	#notBefore = 0; // when the server may be asked again after a 503
	#silent = false; // whether it is renewed before each expiry
	#timer = 0;
	#told; // the state's `at` that the last event was about

	/**
	 * @param {object} [options]
	 * @param {string} [options.base] where the endpoints are: '' for this origin's root, '/token', 'https://api.example.com'
	 * @param {'cookies'|'storage'} [options.tokens] where tokens are kept
	 * @param {string} [options.name] of the lock and of what is in localStorage
	 * @param {number} [options.timeout] of a login, refresh or logout, in milliseconds
	 * @param {typeof fetch} [options.fetch]
	 * @param {LockManager|null} [options.locks] null for none
	 * @param {Storage|null} [options.storage] null for none: then each tab is on its own
	 */
	constructor(options = {}) {
		super();
		this.#options = {
			base: '',
			tokens: 'cookies',
			name: 'session',
			timeout: 8000,
			fetch: (...args) => globalThis.fetch(...args),
			locks: globalThis.navigator?.locks ?? null,
			storage: ownStorage(),
			...options,
		};
		globalThis.addEventListener?.('storage', (event) => {
			if (event.key === this.#options.name) {
				this.#tell();
			}
		});
		this.#told = this.#state().at;
	}

	/** When the access token expires, in milliseconds since 1970; 0 where that is not known. */
	get expiresAt() {
		return this.#state().expiresAt ?? 0;
	}

	/** How long an access token lasts, in milliseconds; 0 where that is not known. */
	get life() {
		return this.#state().life ?? 0;
	}

	/** Whether the session is known to be over, or, with tokens in storage, never began. */
	get ended() {
		const { at, refreshToken } = this.#state();
		return at === over || (this.#inStorage && !refreshToken);
	}

	/** Takes over a session that the server's page tells of: its access token lasts for `seconds` from now. */
	adopt(seconds) {
		const { at = over, life = 0, ...tokens } = this.#state();
		this.#write({ ...tokens, at: at === over ? mark() : at, expiresAt: Date.now() + seconds * 1000, life: Math.max(life, seconds * 1000) });
	}

	/** Logs in. Throws LoginRefused or Unavailable. */
	async login(username, password) {
		this.#giveUp?.abort();
		await this.#locked(async () => {
			const { status, body } = await this.#post('/login', { username, password });
			this.#giveUp?.abort(); // without locks one may have begun meanwhile
			if (status >= 500) {
				throw new Unavailable(`login: ${status}`);
			}
			if (status !== 200) {
				throw new LoginRefused(status, body.code ?? '');
			}
			this.#keep(body);
		});
	}

	/**
	 * As the global fetch, with the session's credentials. Throws SessionEnded, or Unavailable where the server cannot be reached.
	 * A 503 to a GET or HEAD is awaited and asked once more; to other methods it is returned.
	 */
	async fetch(input, init = {}) {
		if (this.ended) {
			throw new SessionEnded();
		}
		const request = new Request(input, { credentials: this.#credentials, ...init });
		if (this.expiresAt && this.expiresAt <= Date.now()) {
			await orAborted(this.refresh(), request.signal);
		}
		const used = this.#state().at;
		let answer = await this.#send(request.clone());
		if (answer.status === 401) {
			if (this.ended || this.#state().at === used) { // else another call has refreshed meanwhile
				await orAborted(this.refresh(true), request.signal);
			}
			answer = await this.#send(request.clone());
		}
		if (answer.status === 503 && ['GET', 'HEAD'].includes(request.method)) {
			await orAborted(sleep(retryAfter(answer)), request.signal);
			answer = await this.#send(request);
		}
		return answer;
	}

	/**
	 * Renews the tokens, unless another tab does or has just done so. Throws SessionEnded or Unavailable.
	 * @param {boolean} [force] also where the access token should still be good
	 */
	refresh(force = false) {
		this.#refreshing ??= this.#refresh(force).finally(() => {
			this.#refreshing = null;
		});
		return this.#refreshing;
	}

	/**
	 * Ends the session, here and in all tabs. Throws Unavailable where it is not known whether that worked: the session is
	 * then taken to stand. A server that answers 401 knows of no such session.
	 */
	async logout() {
		this.#giveUp?.abort();
		await this.#locked(async () => {
			if (this.#inStorage && this.ended) {
				return;
			}
			const { status } = await this.#post('/logout', this.#inStorage ? { refresh_token: this.#state().refreshToken } : undefined);
			this.#giveUp?.abort();
			if (status !== 204 && status !== 401) {
				throw new Unavailable(`logout: ${status}`);
			}
			this.#write({ at: over });
		});
	}

	/** Refreshes from now on shortly before each expiry, until stopped. */
	start() {
		this.#silent = true;
		this.#schedule();
	}

	stop() {
		this.#silent = false;
		clearTimeout(this.#timer);
	}

	/** Sets the one timer of silent renewal, to no sooner than after a pause, which grows with each failure. */
	#schedule(pause = 250) {
		clearTimeout(this.#timer);
		if (!this.#silent || this.ended) {
			return;
		}
		const due = () => this.expiresAt - Math.min(10_000, this.life / 5) - Date.now();
		this.#timer = setTimeout(async () => {
			try {
				if (due() <= 0) { // else a page that another tab has opened knew of a later end
					await this.refresh();
				}
				this.#schedule();
			} catch { // where the session has ended, its event says so
				this.#schedule(Math.min(Math.max(2 * pause, 1000), 30_000));
			}
		}, Math.min(Math.max(due(), this.#notBefore - Date.now(), pause), 0x7fffffff));
	}

	get #inStorage() {
		return this.#options.tokens === 'storage';
	}

	get #credentials() {
		return this.#inStorage ? 'omit' : 'include';
	}

	async #refresh(force) {
		const { at } = this.#state();
		if (!this.ended) {
			await sleep(this.#notBefore - Date.now());
			await this.#locked(() => this.#refreshSince(at, force));
		}
		this.#tell();
		if (this.ended) {
			throw new SessionEnded();
		}
	}

	/** Refreshes, unless another tab has since the state was `at`. */
	async #refreshSince(at, force) {
		const now = this.#state();
		if (this.ended || (now.at !== at && (force || now.expiresAt > Date.now()))) {
			return;
		}
		this.#giveUp = new AbortController();
		const answer = await this.#post('/refresh', this.#inStorage ? { refresh_token: now.refreshToken } : undefined, this.#giveUp.signal)
			.finally(() => { this.#giveUp = null; });
		if (this.#state().at !== now.at) {
			return; // without locks, another tab has refreshed, logged in or logged out meanwhile: what that says counts
		}
		if (answer.status === 401) {
			this.#write({ at: over });
		} else if (answer.status === 200) {
			this.#keep(answer.body);
		} else {
			this.#notBefore = Date.now() + retryAfter(answer);
			throw new Unavailable(`refresh: ${answer.status}`);
		}
	}

	/** Runs f while no other tab does. A tab that never lets go, as when it is frozen, is not awaited for ever. */
	async #locked(f) {
		const { locks, name, timeout } = this.#options;
		if (!locks) {
			return f();
		}
		let started = false;
		try {
			return await locks.request(name, { signal: AbortSignal.timeout(timeout + 2000) }, () => {
				started = true;
				return f();
			});
		} catch (error) {
			if (started) {
				throw error;
			}
			return f(); // waited in vain, or this browser allows no locks here
		}
	}

	async #send(request) {
		const { accessToken } = this.#state();
		if (this.#inStorage && accessToken) {
			request.headers.set('Authorization', `Bearer ${accessToken}`);
		}
		try {
			return await this.#options.fetch(request);
		} catch (error) {
			if (request.signal.aborted) {
				throw error;
			}
			throw new Unavailable('not reached', { cause: error });
		}
	}

	/** Posts to an endpoint, and returns what it answers. Throws Unavailable where no answer comes, or not all of it, or not in time. */
	async #post(path, body, giveUp = new AbortController().signal) {
		const signal = AbortSignal.any([giveUp, AbortSignal.timeout(this.#options.timeout)]);
		const init = { method: 'POST', credentials: this.#credentials, signal, headers: {} };
		if (body) {
			init.headers['Content-Type'] = 'application/json';
			init.body = JSON.stringify(body);
		}
		try {
			const answer = await this.#options.fetch(this.#options.base + path, init);
			return { status: answer.status, headers: answer.headers, body: parse(await answer.text()) };
		} catch (error) {
			throw new Unavailable('not reached', { cause: error });
		}
	}

	#keep({ expires_in: expiresIn, access_token: accessToken, refresh_token: refreshToken }) {
		if (!(expiresIn >= 0)) {
			throw new Unavailable('what answers is not the service');
		}
		const tokens = this.#inStorage ? { accessToken, refreshToken } : {};
		this.#write({ at: mark(), expiresAt: Date.now() + expiresIn * 1000, life: expiresIn * 1000, ...tokens });
	}

	// What all tabs know of the session is one record in localStorage: `at`, which login or refresh it is of, or that the
	// session is over; `expiresAt` and `life` of the access token; with tokens in storage, the tokens, else no secret.
	// Where a browser allows no localStorage, this tab knows it alone.
	#own = '{}';

	#state() {
		try {
			return parse(this.#options.storage ? this.#options.storage.getItem(this.#options.name) : this.#own);
		} catch {
			return {};
		}
	}

	#write(state) {
		this.#own = JSON.stringify(state);
		try {
			this.#options.storage?.setItem(this.#options.name, this.#own);
		} catch {
			forget(this.#options.storage, this.#options.name); // full, or not allowed: what it holds is out of date
			this.#options.storage = null;
		}
		this.#tell();
	}

	/** Tells of what this tab or another has done, where that is not told yet. */
	#tell() {
		const { at } = this.#state();
		if (at !== this.#told) {
			this.#told = at;
			this.#schedule();
			this.dispatchEvent(new Event(at === over ? 'ended' : 'change'));
		}
	}
}

const over = 'ended'; // the `at` of a session that is over

function mark() {
	return `${Date.now()} ${Math.random()}`;
}

/** The object that a text is, without members where it is none. */
function parse(text) {
	try {
		return JSON.parse(text) ?? {};
	} catch {
		return {};
	}
}

function forget(storage, name) {
	try {
		storage.removeItem(name);
	} catch {
		// then it keeps nothing, either
	}
}

function ownStorage() {
	try {
		return globalThis.localStorage ?? null;
	} catch {
		return null;
	}
}

/** Milliseconds that an answer asks to wait: at least one second, at most 30. */
function retryAfter(answer) {
	const field = answer.headers.get('Retry-After') ?? '';
	const seconds = /^\d+$/.test(field) ? Number(field) : (Date.parse(field) - Date.now()) / 1000;
	return 1000 * Math.min(Math.max(seconds || 1, 1), 30);
}

function sleep(milliseconds) {
	return milliseconds > 0 ? new Promise((done) => setTimeout(done, milliseconds)) : undefined;
}

/** Awaits a promise for one request, which goes on for others when the request is aborted. */
function orAborted(promise, signal) {
	return new Promise((done, fail) => {
		signal.addEventListener('abort', () => fail(signal.reason));
		promise.then(done, fail);
	});
}
