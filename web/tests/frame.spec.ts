import { spec } from "./spec.ts";

spec("Somebody without a workspace in the address is asked to choose one", async (house) => {
  const olivia = await house.visit("owner");

  await olivia.page.getByRole("heading", { name: "Subscription and Credits", level: 1 }).waitFor();
});
