import "./styles/index.css";
import { render } from "preact";
import { useEffect } from "preact/hooks";
import type { ScreenPath } from "../screens.ts";
import { startClock } from "./page/clock.ts";
import { followContainers } from "./data/containers.ts";
import { followKeys } from "./page/keys.ts";
import { pauseWhileHidden } from "./data/live.ts";
import { returnFromProvider } from "./session/oidc.ts";
import { followSession, joinSession, plan, token } from "./session/session.ts";
import { followTheme } from "./page/theme.ts";
import { followLocation, path } from "./page/url.ts";
import { loadViewer, viewer, watchForNewPage } from "./session/viewer.ts";
import { Shell } from "./frame/shell.tsx";
import { SignIn } from "./session/sign-in.tsx";
import { Skeleton } from "./parts/notice.tsx";
import { Container } from "./screens/container.tsx";
import { Containers } from "./screens/containers.tsx";
import { Errors } from "./screens/errors.tsx";
import { Job } from "./screens/job.tsx";
import { Logs } from "./screens/logs.tsx";
import { Now } from "./screens/now.tsx";
import { Queue } from "./screens/queue.tsx";
import { Queues } from "./screens/queues.tsx";
import { Audit } from "./screens/audit.tsx";
import { DeployScreen } from "./screens/deploy.tsx";
import { Deploys } from "./screens/deploys.tsx";
import { HostScreen } from "./screens/host.tsx";
import { Hosts } from "./screens/hosts.tsx";
import { Timeline } from "./screens/timeline.tsx";

/** A screen for each address. */
const screens: Partial<Readonly<Record<ScreenPath, () => preact.JSX.Element>>> = {
  "/": Now,
  "/containers": Containers,
  "/container": Container,
  "/logs": Logs,
  "/queues": Queues,
  "/queue": Queue,
  "/job": Job,
  "/errors": Errors,
  "/deploys": Deploys,
  "/deploy": DeployScreen,
  "/timeline": Timeline,
  "/hosts": Hosts,
  "/host": HostScreen,
  "/audit": Audit,
};

function App() {
  useEffect(() => void loadViewer(), [token.value]);
  if (token.value === null) return <SignIn />;
  const Screen = screens[path.value] ?? Now;
  return <Shell>{viewer.value ? <Screen key={path.value} /> : <Skeleton rows={8} />}</Shell>;
}

await returnFromProvider();
// Before the wait: another tab may sign in meanwhile.
followSession();
await joinSession();
followTheme();
followLocation();
followKeys();
startClock();
plan();
pauseWhileHidden();
followContainers();
watchForNewPage();
render(<App />, document.getElementById("app") as HTMLElement);
