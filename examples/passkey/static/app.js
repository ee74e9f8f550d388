// The passkey ceremonies of the pages. The browser does the cryptography, and
// the server decides.

import { account, say } from './account.js';

const find = (id) => document.getElementById(id);
const supported = Boolean(globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON);

/** A refusal by the server: `code` is the member of the response. */
class Refused extends Error {
	constructor(status, code) {
		super(`the server responded with ${status} ${code}`);
		this.status = status;
		this.code = code;
	}
}

/**
 * Runs a ceremony: the server begins it, the authenticator signs, the server
 * finishes it. `send` is fetch, or that of a session. `finish` sends the last
 * request.
 */
async function ceremony(send, path, sign, finish = post(send)) {
	const begun = await must(await send(`${path}/begin`, { method: 'POST' }));
	const credential = await sign((await begun.json()).publicKey);
	await must(await finish(`${path}/finish`, credential.toJSON()));
}

const post = (send) => (path, body) => send(path, {
	method: 'POST',
	headers: { 'Content-Type': 'application/json' },
	body: JSON.stringify(body),
});

const use = (options) => navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
const create = (options) => navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });

async function must(response) {
	if (!response.ok) {
		const { code = '' } = await response.json().catch(() => ({}));
		throw new Refused(response.status, code);
	}
	return response;
}

/** Reports an error of a ceremony, or throws it if it is of another kind. */
function explain(error) {
	if (error.name === 'NotAllowedError') {
		say('No passkey was used.', true); // cancelled, or this device has no passkey
	} else if (error.name === 'InvalidStateError') {
		say('This device already has a passkey of yours.', true);
	} else if (error instanceof Refused && error.status === 403) {
		say('That passkey was not accepted for this account.', true);
	} else {
		throw error;
	}
}

function loginPage() {
	if (!supported) {
		say('This browser does not support passkeys.');
		return;
	}
	document.querySelector('.script').hidden = false;
	find('sign-in').addEventListener('click', async ({ currentTarget: button }) => {
		if (button.ariaDisabled === 'true') {
			return;
		}
		button.ariaDisabled = 'true';
		try {
			await ceremony(fetch, '/passkey/sign-in', use);
			location.assign('/');
		} catch (error) {
			try {
				explain(error);
			} catch {
				say('Signing in does not work at the moment. Please try again.', true);
			}
		}
		button.ariaDisabled = 'false';
	});
}

function accountPage() {
	const { session, guarded } = account('passkey');
	const send = (path, init) => session.fetch(path, init);

	const load = async () => {
		const me = await (await must(await send('/api/me'))).json();
		find('acr').textContent = me.acr;
		find('amr').textContent = me.amr.join(', ');
		find('at').textContent = new Date(me.auth_time).toLocaleString();
		find('at').dateTime = me.auth_time;
		find('passkeys').textContent = me.passkeys;
		session.adopt(me.expires_in);
	};

	/** Does something, and uses a passkey first if the server demands it. */
	const withPasskey = async (action) => {
		try {
			return await action();
		} catch (error) {
			if (!(error instanceof Refused && error.code === 'insufficient_user_authentication')) {
				throw error;
			}
		}
		if (find('passkeys').textContent === '0') {
			location.assign('/login?fresh');
			return undefined;
		}
		// It changes the session, so it must not run during a refresh.
		await ceremony(send, '/passkey/step-up', use, (path, body) => session.update(path, body));
		await load();
		return action();
	};

	find('add').hidden = !supported;
	find('add').addEventListener('click', ({ currentTarget }) => guarded(async () => {
		try {
			await withPasskey(() => ceremony(send, '/passkey/add', create));
			await load();
			say('Your passkey is added.');
		} catch (error) {
			explain(error);
		}
	}, currentTarget));
	find('show').addEventListener('click', ({ currentTarget }) => guarded(async () => {
		find('codes').textContent = 'Not shown.';
		try {
			const response = await withPasskey(async () => must(await send('/api/codes')));
			if (response) {
				find('codes').textContent = (await response.json()).codes.join(', ');
			}
		} catch (error) {
			explain(error);
		}
	}, currentTarget));
}

if (document.body.dataset.page === 'account') {
	accountPage();
} else {
	loginPage();
}
