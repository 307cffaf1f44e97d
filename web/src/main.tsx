import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/shell.css";

import { render } from "preact";
import { Studio } from "./app";
import { connect } from "./firebase";
import { Broken } from "./parts/notice";
import { applyTheme } from "./theme";

const root = document.getElementById("studio");
if (!root) throw new Error("index.html has no #studio");

applyTheme();
connect().then(
  () => render(<Studio />, root),
  (error: Error) => render(<Broken title="The studio could not start" message={error.message} />, root),
);
