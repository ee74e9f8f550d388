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
//   - A refresh that is not answered within 8 seconds is given up. It can be asked again: the server
//     answers the same token once more.
//   - Logout takes the same lock, after it has called off this tab's refresh, and says to all tabs that the session is
//     over, so that no refresh follows it.
//   - After a 401 it refreshes and sends the request once more, once.
//   - A 503 is not asked again before the time in Retry-After is over.

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
	#giveUp = null; // AbortController of it
	#notBefore = 0; // when the server may be asked again after a 503
	#timer = 0;

	/**
	 * @param {object} [options]
	 * @param {string} [options.base] where the endpoints are: '' for this origin's root, '/token', 'https://api.example.com'
	 * @param {'cookies'|'storage'} [options.tokens] where tokens are kept
	 * @param {string} [options.name] of the lock and of what is in localStorage
	 * @param {number} [options.timeout] of a refresh, in milliseconds
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
				this.#tell(this.#state());
			}
		});
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
		const state = this.#state();
		return Boolean(state.ended || (this.#inStorage && !state.refreshToken));
	}

	/** Takes over a session that the server's page tells of: its access token lasts for `seconds` from now. */
	adopt(seconds) {
		const { life } = this.#state();
		this.#keep({ expiresIn: seconds, life: Math.max(life ?? 0, seconds * 1000) });
	}

	/** Logs in. Throws LoginRefused or Unavailable. */
	async login(username, password) {
		const answer = await this.#post('/login', { username, password });
		if (!answer.ok) {
			throw await refusal(answer);
		}
		await this.#keepTokens(answer);
	}

	/**
	 * As the global fetch, with the session's credentials. Throws SessionEnded, or Unavailable where the server cannot be reached.
	 * A 503 to a GET or HEAD is awaited and asked once more; to other methods it is returned.
	 */
	async fetch(input, init = {}) {
		if (this.ended) {
			throw new SessionEnded();
		}
		const request = new Request(input, { credentials: this.#inStorage ? 'omit' : 'include', ...init });
		if (this.expiresAt && this.expiresAt <= Date.now()) {
			await this.refresh();
		}
		const used = this.#state().at;
		let answer = await this.#send(request.clone());
		if (answer.status === 401) {
			if (this.#state().at === used) { // else another call has refreshed meanwhile
				await this.refresh(true);
			}
			answer = await this.#send(request.clone());
		}
		if (answer.status === 503 && ['GET', 'HEAD'].includes(request.method)) {
			await sleep(retryAfter(answer));
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

	/** Ends the session, here and in all tabs. Throws Unavailable where it is not known whether that worked. */
	async logout() {
		const before = this.#state();
		this.#giveUp?.abort();
		await this.#locked(async () => {
			const { refreshToken } = this.#state();
			this.#write({ ended: true });
			let answer;
			try {
				answer = await this.#post('/logout', this.#inStorage ? { refresh_token: refreshToken ?? '' } : undefined);
			} catch (error) {
				this.#write(before);
				throw error;
			}
			if (!answer.ok && answer.status !== 401) {
				this.#write(before);
				throw new Unavailable(`logout: ${answer.status}`);
			}
		});
		this.#tell({ ended: true });
	}

	/** Says that the session was ended by other means, such as "everywhere". */
	end() {
		this.#giveUp?.abort();
		this.#write({ ended: true });
		this.#tell({ ended: true });
	}

	/** Refreshes from now on shortly before each expiry, until stopped. */
	start() {
		this.stop();
		const next = () => {
			const left = this.expiresAt - Date.now();
			const early = Math.min(10_000, this.life / 5);
			return Math.min(Math.max(left - early, 250), 0x7fffffff);
		};
		const tick = async () => {
			const { expiresAt } = this.#state();
			if (!this.ended && expiresAt - Date.now() <= Math.min(10_000, this.life / 5)) {
				await this.refresh().catch(() => {}); // its event says it, or the next tick tries again
			}
			if (this.#timer && !this.ended) {
				this.#timer = setTimeout(tick, Math.max(next(), this.#notBefore - Date.now()));
			}
		};
		this.#timer = setTimeout(tick, next());
	}

	stop() {
		clearTimeout(this.#timer);
		this.#timer = 0;
	}

	get #inStorage() {
		return this.#options.tokens === 'storage';
	}

	async #refresh(force) {
		const before = this.#state();
		if (this.ended) {
			throw new SessionEnded();
		}
		await sleep(this.#notBefore - Date.now());
		const ended = await this.#locked(async () => {
			const now = this.#state();
			if (now.ended) {
				return true;
			}
			if (now.at !== before.at && (force || now.expiresAt > Date.now())) {
				return false; // another tab was faster
			}
			this.#giveUp = new AbortController();
			const signal = AbortSignal.any([this.#giveUp.signal, AbortSignal.timeout(this.#options.timeout)]);
			try {
				const answer = await this.#post('/refresh', this.#inStorage ? { refresh_token: now.refreshToken } : undefined, signal);
				if (this.#state().ended) {
					return true; // logged out meanwhile, where there are no locks: too late
				}
				if (answer.ok) {
					await this.#keepTokens(answer);
					return false;
				}
				if (answer.status === 401) {
					this.#write({ ended: true });
					return true;
				}
				this.#notBefore = Date.now() + retryAfter(answer);
				throw new Unavailable(`refresh: ${answer.status}`);
			} finally {
				this.#giveUp = null;
			}
		});
		if (ended) {
			this.#tell({ ended: true });
			throw new SessionEnded();
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
			if (started || error?.name !== 'TimeoutError') {
				throw error;
			}
			return f();
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
			if (error?.name === 'AbortError') {
				throw error;
			}
			throw new Unavailable('not reached', { cause: error });
		}
	}

	async #post(path, body, signal) {
		const init = { method: 'POST', credentials: this.#inStorage ? 'omit' : 'include', signal, headers: {} };
		if (body) {
			init.headers['Content-Type'] = 'application/json';
			init.body = JSON.stringify(body);
		}
		try {
			return await this.#options.fetch(this.#options.base + path, init);
		} catch (error) {
			throw new Unavailable('not reached', { cause: error });
		}
	}

	async #keepTokens(answer) {
		const body = await answer.json();
		this.#keep({ expiresIn: body.expires_in, accessToken: body.access_token, refreshToken: body.refresh_token });
	}

	#keep({ expiresIn, life = expiresIn * 1000, accessToken, refreshToken }) {
		const now = Date.now();
		const state = { at: `${now} ${Math.random()}`, expiresAt: now + expiresIn * 1000, life };
		if (this.#inStorage) {
			Object.assign(state, { accessToken, refreshToken });
		}
		this.#write(state);
		this.#tell(state);
	}

	// What all tabs know of the session is in localStorage: in cookie mode no secret. Where a browser allows none,
	// this tab knows it alone.
	#own = '{}';

	#state() {
		try {
			const text = this.#options.storage ? this.#options.storage.getItem(this.#options.name) : this.#own;
			return JSON.parse(text) ?? {};
		} catch {
			return {};
		}
	}

	#write(state) {
		this.#own = JSON.stringify(state);
		try {
			this.#options.storage?.setItem(this.#options.name, this.#own);
		} catch {
			this.#options.storage = null; // full, or not allowed
		}
	}

	#tell(state) {
		this.dispatchEvent(new Event(state.ended ? 'ended' : 'change'));
	}
}

async function refusal(answer) {
	const { code = '' } = await answer.json().catch(() => ({}));
	return answer.status === 503 ? new Unavailable(`login: ${code}`) : new LoginRefused(answer.status, code);
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
