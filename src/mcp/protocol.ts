// What is used of the official packages: 0.6 MB, which the bundle has in a file of its own
// (script/build.ts), read when the first agent asks.
export {
  CLIENT_INFO_META_KEY,
  createMcpHandler,
  type Implementation,
  ProtocolError,
  ProtocolErrorCode,
  Server,
} from "@modelcontextprotocol/server";
export { serveStdio, StdioServerTransport } from "@modelcontextprotocol/server/stdio";
