/** Numbers to pay with at the sandbox, and at Stripe in test mode. */
export const GOOD_CARD = "4242 4242 4242 4242";
export const DECLINED_CARD = "4000 0000 0000 0002";
/** Its bank asks for each payment. */
export const ASKING_CARD = "4000 0027 6000 3184";
/** Can be saved in the portal; nothing can be charged to it. */
export const UNCHARGEABLE_CARD = "4000 0000 0000 0341";
/** Their debits take four days: then one is paid, and the other fails. */
export const BANK_ACCOUNT = "000123456789";
export const FAILING_BANK_ACCOUNT = "000111111116";
