// A fetch that proves possession of a key (DPoP, RFC 9449). It has no
// dependencies.
//
//	import { Session } from './session.js';
//	import { provenFetch } from './dpop.js';
//
//	const session = new Session({ tokens: 'storage', fetch: provenFetch('session') });
//
// The tokens of the session are then bound to a key. The browser keeps the key
// in IndexedDB and does not export it. A script can read the tokens and send
// them away, but they work only together with the key, in this browser.
//
// Each request carries a proof in the header DPoP, and its bearer token becomes
// a token of the scheme DPoP. If the service demands a nonce, or refuses the
// proof because of a wrong clock, the request is repeated once.

/**
 * Returns a function like fetch whose requests carry proofs by the key with the given name. The key
 * is generated when it is first needed.
 * @param {string} name of the key, in this origin
 * @param {object} [options]
 * @param {'ES256'|'Ed25519'} [options.alg] for a new key; browsers without Ed25519 use ES256
 * @param {typeof fetch} [options.fetch]
 */
export function provenFetch(name, { alg = 'ES256', fetch = (...args) => globalThis.fetch(...args) } = {}) {
	const nonces = new Map(); // by origin
	let key = null; // promise
	let ahead = 0; // of the clock of the service, in milliseconds

	const attempt = async (request) => {
		key ??= keyOf(name, alg);
		const { origin } = new URL(request.url);
		const [scheme, token] = (request.headers.get('Authorization') ?? '').split(' ');
		const bearer = scheme === 'Bearer' ? token : undefined;
		if (bearer) {
			request.headers.set('Authorization', `DPoP ${bearer}`);
		}
		request.headers.set('DPoP', await proof(await key, request, bearer, nonces.get(origin), Date.now() + ahead));
		const response = await fetch(request);
		const nonce = response.headers.get('DPoP-Nonce');
		if (nonce) {
			nonces.set(origin, nonce);
		}
		return response;
	};

	// mayRepeat reports whether a refused request can succeed with a new proof.
	const mayRepeat = async (response) => {
		if (response.status !== 400 && response.status !== 401) {
			return false;
		}
		const { code } = await response.clone().json().catch(() => ({}));
		if (code === 'use_dpop_nonce') {
			return response.headers.has('DPoP-Nonce');
		}
		const date = Date.parse(response.headers.get('Date')) - Date.now();
		if (code !== 'invalid_dpop_proof' || !(Math.abs(date - ahead) > 5000)) {
			return false;
		}
		ahead = date;
		return true;
	};

	return async (input, init) => {
		const request = new Request(input, init);
		const again = request.clone();
		const response = await attempt(request);
		return await mayRepeat(response) ? attempt(again) : response;
	};
}

/** Returns the proof of a request (RFC 9449, section 4.2). */
async function proof({ alg, pair, jwk }, request, token, nonce, now) {
	const claims = {
		jti: crypto.randomUUID(),
		htm: request.method,
		htu: request.url.split(/[?#]/)[0],
		iat: Math.floor(now / 1000),
		...(token && { ath: base64url(await crypto.subtle.digest('SHA-256', bytes(token))) }),
		...(nonce && { nonce }),
	};
	const input = [{ typ: 'dpop+jwt', alg, jwk }, claims].map((part) => base64url(bytes(JSON.stringify(part)))).join('.');
	const algorithm = alg === 'ES256' ? { name: 'ECDSA', hash: 'SHA-256' } : 'Ed25519';
	return `${input}.${base64url(await crypto.subtle.sign(algorithm, pair.privateKey, bytes(input)))}`;
}

/** Returns the key with a name. All tabs of the origin share it. */
async function keyOf(name, alg) {
	const known = await stored(name).catch(() => null);
	const pair = known ?? await stored(name, await newPair(alg)).catch(() => newPair(alg)); // without IndexedDB, each page has its own
	const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey);
	return { alg: kty === 'EC' ? 'ES256' : 'EdDSA', pair, jwk: { kty, crv, x, y } };
}

async function newPair(alg) {
	const generate = (algorithm) => crypto.subtle.generateKey(algorithm, false, ['sign', 'verify']);
	const es256 = { name: 'ECDSA', namedCurve: 'P-256' };
	return alg === 'Ed25519' ? generate('Ed25519').catch(() => generate(es256)) : generate(es256);
}

/** Returns the stored pair, after storing a new one if there was none. */
function stored(name, pair) {
	return new Promise((done, fail) => {
		const opening = indexedDB.open(`dpop ${name}`, 1);
		opening.onupgradeneeded = () => opening.result.createObjectStore('keys');
		opening.onerror = () => fail(opening.error);
		opening.onsuccess = () => {
			const database = opening.result;
			const transaction = database.transaction('keys', pair ? 'readwrite' : 'readonly');
			const keys = transaction.objectStore('keys');
			const found = keys.get('key');
			let result;
			found.onsuccess = () => {
				result = found.result ?? pair ?? null;
				if (pair && !found.result) {
					keys.put(pair, 'key');
				}
			};
			transaction.oncomplete = () => {
				database.close();
				done(result);
			};
			transaction.onerror = transaction.onabort = () => fail(transaction.error);
		};
	});
}

function bytes(text) {
	return new TextEncoder().encode(text);
}

function base64url(data) {
	return btoa(String.fromCharCode(...new Uint8Array(data))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
