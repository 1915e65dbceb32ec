/** Numbers to pay with at the sandbox, and at Stripe in test mode. */
export const GOOD_CARD = "4242 4242 4242 4242";
export const DECLINED_CARD = "4000 0000 0000 0002";
/** Its bank asks for each payment. */
export const ASKING_CARD = "4000 0027 6000 3184";
