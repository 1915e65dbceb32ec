import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "./page.css";

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { Surroundings } from "./Surroundings";

const root = document.getElementById("root");
if (!root) throw new Error("The page has no #root");
createRoot(root).render(
  <StrictMode>
    <Surroundings>
      <App />
    </Surroundings>
  </StrictMode>,
);
