import { account } from './account.js';

if (document.body.dataset.page === 'account') {
	account('openid-login');
}
