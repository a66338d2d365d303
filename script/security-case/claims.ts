/** What we say about security or faults, and the tests that show it. */
export interface Claim {
  /** Short and unique; it stays the same when the text changes. */
  readonly id: string;
  readonly claim: string;
  /** At least one: [file below test/, the title as it stands in the file]. */
  readonly tests: readonly (readonly [file: string, title: string])[];
  /** What the tests do not show. */
  readonly except?: string;
}

export interface Section {
  readonly title: string;
  readonly claims: readonly Claim[];
}

/** To add a claim, add an entry, and run `npm run security-case`. */
export const sections: readonly Section[] = [
  {
    title: "Who gets in",
    claims: [
      {
        id: "A1",
        claim: "Without a token every path and method is 401, and no upstream is asked.",
        tests: [
          ["gateway/unauthorized.test.ts", "%s is 401 for every method, and no upstream is asked"],
          ["http/server-auth.test.ts", "%s: without a token every method is 401 and no surface is called"],
        ],
      },
      {
        id: "A2",
        claim: "Only health, readiness and the console's files, which hold no data, are served without a token.",
        tests: [["gateway/unauthorized.test.ts", "opens only health, readiness and the console, which hold no data"]],
      },
      {
        id: "A3",
        claim: "A token is taken from one Authorization header alone: no query, cookie or other header.",
        tests: [
          ["gateway/unauthorized.test.ts", "has no token in its query, cookies or other headers"],
          ["http/server-auth.test.ts", "two Authorization headers are refused on the wire"],
        ],
      },
      {
        id: "A4",
        claim: "A refusal gives no reason: every failed authentication has the same body and challenge.",
        tests: [["http/server-auth.test.ts", "all authentication failures have the same body and challenge"]],
        except: "That the time of a comparison tells nothing is by construction (timingSafeEqual), not measured.",
      },
      {
        id: "A5",
        claim: "The tokens file holds digests, never a secret; a mistyped token is recognised by its checksum.",
        tests: [
          ["auth/tokens-file.test.ts", "the file does not contain the secret"],
          ["auth/token.test.ts", "one mistyped character after the kid is detected"],
        ],
      },
      {
        id: "A6",
        claim: "Tokens rotate without a restart; a bad file keeps the old tokens.",
        tests: [
          ["auth/tokens-file.test.ts", "rotation: both listed tokens work, a removed one fails, others never"],
          ["auth/tokens-file.test.ts", "a truncated or missing file keeps the old tokens and logs once"],
        ],
      },
      {
        id: "A7",
        claim: "A token lasts at most 90 days, and one of a key set 24 hours.",
        tests: [
          ["auth/tokens-file-entry.test.ts", "a token lasts at most 90 days and one hour"],
          ["auth/jwt.test.ts", "a token expires 24 hours after it was issued, at the latest"],
        ],
      },
      {
        id: "A8",
        claim:
          "Of JWTs only the issuer's RS256, ES256 and EdDSA access tokens are accepted; unknown keys do not flood the issuer.",
        tests: [
          ["auth/jwt.test.ts", "only the issuer's RS256, ES256 and EdDSA keys verify a token"],
          ["auth/jwt.test.ts", "an invalid token authenticates nobody"],
          ["auth/jwt.test.ts", "50 unknown kids are not 50 requests to the issuer"],
        ],
      },
      {
        id: "A9",
        claim: "Bad tokens are throttled by network, and good ones of the same network pass.",
        tests: [
          ["http/server-auth.test.ts", "a flood of bad tokens is throttled, good ones of the address pass"],
          ["lib/network.test.ts", "an IPv4 address has the network of its first three bytes"],
          ["lib/network.test.ts", "an IPv6 address has the network of its first four groups"],
        ],
      },
      {
        id: "A10",
        claim: "A client's address comes from the connection, or from a trusted proxy; nobody forges another's.",
        tests: [
          ["http/client-address.test.ts", "a client can forge no address but its own or the proxy's"],
          ["http/server-auth.test.ts", "a header from an untrusted peer has no effect"],
        ],
      },
      {
        id: "A11",
        claim: "A sign-in answers only the browser that began it.",
        tests: [["integration/console-oidc.test.ts", "an answer to another sign-in is refused"]],
      },
      {
        id: "A12",
        claim:
          "Nobody shuts the sign-in from outside: bodies that do not arrive take no place, and networks take turns at the provider.",
        tests: [
          ["console/sign-in.test.ts", "%i unfinished POSTs keep nobody from signing in, or from a page"],
          ["console/sign-in.test.ts", "a body that drips is cut off 2 s after its start"],
          ["console/sign-in.test.ts", "junk that does not parse costs nobody anything, its sender included"],
          ["console/sign-in.test.ts", "a flood of %s empties the count of its network and kind alone"],
          ["console/sign-in.test.ts", "junk of %i networks refuses no %s of other networks"],
          ["console/sign-in-fair.test.ts", "an honest sign-in waits a bounded number of answers, under any junk"],
          ["integration/console-oidc.test.ts", "a person signs in and stays signed in while others attack the sign-in"],
        ],
        except:
          "A wait of 20 s, and 500 networks that wait at once without a refusal in ten minutes, refuse newcomers. Junk of the same network (/24, /48) delays its people.",
      },
      {
        id: "A13",
        claim: "A renewal that is refused for load signs nobody out.",
        tests: [
          ["integration/console-oidc.test.ts", "a renewal refused for load is tried again; a refused grant signs out"],
        ],
      },
      {
        id: "A14",
        claim: "A link with another token does not replace a signed-in session without asking.",
        tests: [["integration/console-session.test.ts", "a link with another token asks who is signed in: %s, in %s"]],
      },
      {
        id: "A15",
        claim:
          "The holder of a JWT stays the same when its issuer rotates the signing key, with its budget and its keys.",
        tests: [
          ["auth/jwt.test.ts", "a subject stays the same holder when the signing key is rotated"],
          ["auth/principal.test.ts", "a holder is an issuer's subject, or a kid and its subject"],
        ],
      },
      {
        id: "A16",
        claim: "A fleet works for nobody whose token no region accepts: it neither parses nor asks for data.",
        tests: [
          ["fleet/acceptance-http.test.ts", "random tokens never reach the parser, and no region works for them"],
          ["fleet/acceptance-http.test.ts", "neither the size nor the form of a body is looked at for a stranger"],
          ["fleet/acceptance.test.ts", "are 100 at once, then ten a second, for all networks together"],
          ["fleet/acceptance.test.ts", "of %i networks, %i a second, keep no new token waiting for a second"],
          ["fleet/acceptance.test.ts", "of 50 clients in %s are accepted at once when a fleet starts"],
          ["fleet/acceptance.test.ts", "of 50 clients in %s get through an attack when a fleet starts"],
          ["fleet/acceptance.test.ts", "do not shut out a token that was accepted in the last hour"],
        ],
        except:
          "A fleet that starts has seen no token: beyond 100 it accepts ten a second, in an attack about seven. A flood delays unknown tokens of its own networks (/24, /48), and others while each network of it is new.",
      },
    ],
  },
  {
    title: "What a token may see and do",
    claims: [
      {
        id: "Z1",
        claim: "A token without a scope gets nothing of it, on any field, endpoint, metric or tool.",
        tests: [
          ["gateway/security-matrix.test.ts", "gives %s nothing"],
          ["gateway/security-matrix.test.ts", "gives a reader no lines of a log"],
          ["rest/handler-environments.test.ts", "ops:read does not imply ops:logs or ops:operate"],
        ],
      },
      {
        id: "Z2",
        claim: "What names production is never staging, and a container that names nothing has no known environment.",
        tests: [
          ["containers/kamal/environment.test.ts", "what mentions production is never staging, and silence is unknown"],
        ],
      },
      {
        id: "Z3",
        claim: "An object of another environment looks as if it were missing.",
        tests: [
          ["gateway/security-matrix.test.ts", "returns what the lists show; other nodes look as if they were missing"],
        ],
        except: "Differences of time are not measured.",
      },
      {
        id: "Z4",
        claim: "A container is found by its exact name: no prefix, id, path or escape reaches another.",
        tests: [
          ["rest/handler-params.test.ts", "match names exactly: no prefix, no id, no slash"],
          ["containers/docker/http/client.test.ts", "with an incomplete id is not sent"],
        ],
      },
      {
        id: "Z5",
        claim: "A stream ends when its token is revoked or loses the scope or the environment.",
        tests: [
          ["gateway/follow.test.ts", "a revoked token's streams end with the reason on both surfaces"],
          ["gateway/follow.test.ts", "a token that loses the container's environment loses its streams"],
          ["gateway/follow.test.ts", "a token that loses only ops:logs loses its streams"],
        ],
      },
      {
        id: "Z6",
        claim: "Of a container's variables only those that the rules read leave the adapter.",
        tests: [
          [
            "containers/docker/source-hostile.test.ts",
            "a container's environment is dropped but for what the rules read",
          ],
        ],
      },
      {
        id: "Z7",
        claim: "A browser with a token of staging shows nothing of production.",
        tests: [["integration/console-live.test.ts", "a token of staging sees nothing of production on any screen"]],
      },
      {
        id: "Z8",
        claim: "A fleet passes on the caller's token, so each region decides by itself what it shows.",
        tests: [
          ["fleet/fleet-requests.test.ts", "each token sees what its region lets it see"],
          ["fleet/fleet-requests.test.ts", "the token, traceparent and the request's id, and no other header"],
        ],
      },
    ],
  },
  {
    title: "What one request may cost",
    claims: [
      {
        id: "G1",
        claim: "Any document within the limits is answered within its budget, and so is any body of the datasource.",
        tests: [
          ["gateway/budget-property.test.ts", "any document within the limits is answered within its budget"],
          ["gateway/budget-property.test.ts", "any body sent to the datasource is answered within its budget"],
        ],
      },
      {
        id: "G2",
        claim: "Depth, aliases, directives, tokens and cost of a document are limited, fragments included.",
        tests: [
          ["graphql/yoga/limits.test.ts", "%s: the limit passes, one more is refused by its name"],
          ["graphql/yoga/limits.test.ts", "root fields are counted in time if fragments double them"],
          ["graphql/yoga/limits.test.ts", "fragments that spread each other are refused"],
        ],
      },
      {
        id: "G3",
        claim: "Introspection needs its own scope. Without it, no error suggests the name of a field.",
        tests: [["graphql/yoga/limits.test.ts", "allow the schema only with introspection, and hide names otherwise"]],
        except: "A fleet, which knows no scopes, shows its schema to whoever one of its regions accepts.",
      },
      {
        id: "G4",
        claim: "One mutation changes one thing: five restarts in a document are refused.",
        tests: [["graphql/yoga/yoga.test.ts", "runs one restart for one mutation, and refuses five in one"]],
      },
      {
        id: "G5",
        claim: "No cross-origin header, landing page, batch, compressed body or mutation by GET.",
        tests: [
          ["graphql/yoga/yoga.test.ts", "sends no CORS header to any origin, no landing and no health page"],
          ["graphql/yoga/yoga.test.ts", "refuses compressed bodies, batches, and bodies over 64 KiB"],
          ["graphql/yoga/yoga.test.ts", "answers queries by GET, and no mutation"],
        ],
      },
      {
        id: "G6",
        claim: "Unknown errors are masked, and no error echoes a body or the value of a variable.",
        tests: [
          ["graphql/yoga/yoga.test.ts", "masks unknown errors"],
          ["graphql/yoga/yoga.test.ts", "never echoes a body that is not JSON, nor the value of a variable"],
          ["http/server-routing.test.ts", "%s: a bug is masked and logged with the request id"],
        ],
      },
      {
        id: "G7",
        claim: "An answer has at most 5 MB and 10 s on every surface.",
        tests: [
          ["gateway/budget.test.ts", "are at most 5 MB on every surface"],
          ["gateway/budget.test.ts", "ends an endpoint's request, whatever the upstream does: query_timeout"],
        ],
      },
      {
        id: "G8",
        claim: "A client that leaves cancels the calls made for it.",
        tests: [["gateway/budget.test.ts", "ends with the client: its calls are cancelled"]],
      },
      {
        id: "G9",
        claim:
          "A regular expression of a client takes linear time, in a thread of its own and a few ms at a time. Owners share that thread by the time they use, and readings without an expression do not wait for it.",
        tests: [
          ["lib/pattern/rule.test.ts", "%s takes linear time"],
          ["lib/pattern/rule.test.ts", "%s are refused before they are expanded"],
          ["lib/pattern/pattern.test.ts", "no pattern holds the event loop, whatever the text"],
          ["lib/pattern/search.test.ts", "a search stops within a text when it is late, whatever the pattern is"],
          ["lib/pattern/matcher.test.ts", "serves first the owner that used least time, batch after batch"],
          ["lib/budget/turns-queue.test.ts", "makes cheap owners wait for one dear item of each, not for one a batch"],
          ["containers/docker/logs/reading.test.ts", "holds no place of the engine's readings"],
          ["containers/docker/logs/reading.test.ts", "does not use up the engine's time"],
          [
            "containers/docker/logs/reading.test.ts",
            "fails with an error that names the pattern when it takes too long",
          ],
          ["lib/pattern/matcher.test.ts", "that is lost (%s) costs its own batch alone"],
          ["containers/docker/logs/buffer.test.ts", "slow filters of several readers leave others their turns"],
          ["containers/docker/logs/window.test.ts", "many readings at once work on one line in a round"],
          ["integration/docker-logs-search.test.ts", "a catastrophic expression delays nobody"],
        ],
      },
      {
        id: "G10",
        claim: "No legal body holds the event loop for 50 ms of CPU or takes 20 MB, at any door.",
        tests: [
          ["gateway/uninterrupted.test.ts", "as a document with %s"],
          ["gateway/uninterrupted.test.ts", "to %s"],
          ["gateway/uninterrupted.test.ts", "finds nothing beyond that at %s"],
          ["gateway/uninterrupted.test.ts", "as a reading of 2,000 containers: %s"],
          ["gateway/uninterrupted.test.ts", "as problems, which are found once a second"],
          ["gateway/uninterrupted.test.ts", "as statistics of 2,000 containers that never come"],
          ["containers/docker/source-large.test.ts", "the list of an engine of thousands is read in turns"],
          ["gateway/pieces.test.ts", "are asked of every root field"],
          ["gateway/pieces.test.ts", "as %s"],
          ["containers/docker/engine/inventory-large.test.ts", "%s makes few rows"],
          ["deploys/merge-many.test.ts", "%s takes little longer for each of many"],
          ["graphql/with-budget.test.ts", "continue in turns when it %s"],
          ["graphql/preload.test.ts", "are loaded once with %s too"],
          ["gateway/uninterrupted.test.ts", "at $path of the $to"],
          ["graphql/yoga/limits.test.ts", "variables: 2000 values and 32 levels pass, one more is refused"],
          ["graphql/yoga/limits.test.ts", "errors: an answer names ten at most, of a document and of variables"],
          ["http/server-chunks.test.ts", "a body in more chunks of one byte is refused: %s"],
          ["http/server-chunks.test.ts", "pipelined requests with bodies close the connection: %s"],
        ],
        except:
          "The search has a fixed seed and 80 tries for each door. The product of the tests in milliseconds has 2,000 containers. Of larger ones the tests count what is read between two turns; `bench/pieces.ts` measures every question with 5,000 containers on one engine. There the logs of a role and late statistics were not measured again.",
      },
      {
        id: "G11",
        claim: "What an operation counts as, and whether it is refused, does not depend on what was executed before.",
        tests: [["graphql/with-budget.test.ts", "of %s"]],
      },
      {
        id: "G12",
        claim:
          "Statistics and inspections of an engine are shared fairly: one request about thousands of containers delays another owner's by a few calls.",
        tests: [
          ["containers/docker/stats/sampler-fair.test.ts", "come after a few readings for another owner: %s"],
          [
            "containers/docker/stats/sampler-fair.test.ts",
            "are read on without a request, and leave requests their turns",
          ],
          [
            "containers/docker/stats/sampler-fair.test.ts",
            "counters of 3,000 containers leave those of another owner their turn",
          ],
          ["containers/docker/engine/sync-fair.test.ts", "a full inspection delays that of a request by a few"],
          [
            "containers/docker/engine/sync-fair.test.ts",
            "a thousand inspections of requests delay that after an event by a few",
          ],
        ],
      },
      {
        id: "G13",
        claim: "While memory is short one token has at most half of the places.",
        tests: [
          ["http/admission.test.ts", "one holder has half of the places while memory is short"],
          ["http/admission.test.ts", "one holder keeps its places when memory becomes short"],
        ],
      },
      {
        id: "G14",
        claim: "No Accept header makes a long answer: /graphql reads its first 20 media types.",
        tests: [
          ["graphql/yoga/accept.test.ts", "is refused before anything runs, in a few words: %s"],
          ["graphql/yoga/accept.test.ts", "is refused as briefly if no stream is accepted"],
        ],
      },
    ],
  },
  {
    title: "The edge: connections, bodies, streams",
    claims: [
      {
        id: "H1",
        claim: "Headers and bodies that do not arrive are cut off.",
        tests: [
          ["http/server-body.test.ts", "headers that arrive too slowly are cut off: 408 and a log line"],
          ["http/server-body.test.ts", "a body that does not arrive ends at the request timeout"],
        ],
      },
      {
        id: "H2",
        claim: "A body has at most 64 KiB, counted as it arrives, and is never unpacked.",
        tests: [
          ["http/server-body.test.ts", "a chunked body is counted as it arrives"],
          ["http/server-body.test.ts", "a body of 64 KiB is read, one byte more is not"],
          ["http/server-body.test.ts", "a compressed body is not unpacked"],
        ],
      },
      {
        id: "H3",
        claim: "Security headers are the same on answers, errors and public pages.",
        tests: [
          ["http/server-routing.test.ts", "headers are the same on answers, errors and public pages"],
          ["http/server-routing.test.ts", "OPTIONS lists the methods and no CORS header"],
        ],
      },
      {
        id: "H4",
        claim: "The console loads nothing from elsewhere, and shows hostile names and lines as text.",
        tests: [
          ["console/pages.test.ts", "the page allows nothing inline and no other origin"],
          ["console/graphiql/page.test.ts", "the policy is strict: no inline script, no other origin, no frame"],
          ["integration/console-live.test.ts", "hostile names and lines are text, on every screen that shows them"],
          ["integration/console.test.ts", "GraphiQL opens with a token, shows hostile text, loads nothing else"],
        ],
      },
      {
        id: "H5",
        claim: "A variable named __proto__ is refused and pollutes nothing.",
        tests: [["gateway/compiled-subscriptions.test.ts", "a variable $__proto__ of a %s is a request error"]],
      },
      {
        id: "H6",
        claim:
          "Connections are shared by network and by holder of a token: floods lock out neither health checks nor tokens.",
        tests: [
          ["http/connections/connections.test.ts", "a flood from %s locks out no health check, no token"],
          ["http/connections/connections.test.ts", "a connection that had an accepted token outlasts its network"],
          ["http/connections/connections.test.ts", "a holder of a token with all connections locks out nobody else"],
          ["integration/exhaustion.test.ts", "2,600 sockets from 4 networks ask for the console again and again"],
          ["http/connections/shares.test.ts", "the largest share is that of a plain count, at each level"],
        ],
        except: "The networks of IPv6 are those of a stand-in address, not of real packets.",
      },
      {
        id: "H7",
        claim: "Readers that do not read are cut off, and do not keep memory or places.",
        tests: [
          ["http/server-slow-readers.test.ts", "a slow reader does not keep its answer longer than the deadline"],
          ["http/streams.test.ts", "a stalled reader pauses the source, then is cut off and logged"],
        ],
      },
      {
        id: "H8",
        claim: "A token has five streams on all surfaces together, and all tokens have a limit too.",
        tests: [
          ["gateway/follow.test.ts", "a token has five streams on all surfaces; the sixth is a 429"],
          ["http/streams.test.ts", "all tokens together have a limit too"],
        ],
      },
      {
        id: "H9",
        claim: "Operators keep places of their own when readers fill the others.",
        tests: [
          ["http/admission.test.ts", "readers cannot take the places reserved for operators"],
          ["http/server-auth.test.ts", "an operator gets in when readers fill all other places"],
        ],
      },
      {
        id: "H10",
        claim: "Floods of clients without a token, of headers that never end and of requests are survived.",
        tests: [
          ["integration/exhaustion.test.ts", "%i clients without a token ask for the console and do not read"],
          ["integration/exhaustion.test.ts", "4,000 clients never end their header"],
          ["integration/exhaustion.test.ts", "400 clients send 20,000 requests at once"],
        ],
      },
      {
        id: "H11",
        claim: "A client may leave at any await of any surface: no rejection is left unhandled, and nothing stops.",
        tests: [
          ["gateway/aborts.test.ts", "clients that leave %s at any await do no harm"],
          ["fleet/fleet-aborts.test.ts", "a stranger may leave at any await, a thousand times"],
          ["script/dropped-promises.test.ts", "no source leaves a promise before anything observes it"],
          ["graphql/yoga/yoga-lost-reader.test.ts", "a reader who leaves as a long answer begins frees its place"],
        ],
      },
      {
        id: "H12",
        claim: "No text becomes markup or a script in the console's pages: they require Trusted Types.",
        tests: [
          ["integration/console-session.test.ts", "the console works where no text becomes markup or a script"],
          [
            "integration/console-session.test.ts",
            "GraphiQL turns a text into harmless markup, and never into a script",
          ],
        ],
      },
      {
        id: "H13",
        claim: "A log that nobody reads stops nothing; what it loses is counted.",
        tests: [
          ["lib/logger-unread.test.ts", "a gateway whose log nobody reads answers, and counts what is lost"],
          ["lib/logger-unread.test.ts", "a fleet whose log's reader is stopped answers, and ends at SIGTERM"],
          ["lib/logger-stdout.test.ts", "any order of lines and reads loses only what its gaps count"],
        ],
      },
    ],
  },
  {
    title: "Actions",
    claims: [
      {
        id: "R1",
        claim:
          "The gateway never restarts itself or its socket proxy. If it cannot identify its own container, it restarts nothing.",
        tests: [
          ["integration/image-self.test.ts", "restart spares itself and its proxy, and works through that proxy"],
          ["containers/docker/restart-self.test.ts", "protects all of them when its own is unknown (%s)"],
        ],
      },
      {
        id: "R2",
        claim: "A container with the protection label is never restarted.",
        tests: [["integration/restart-process.test.ts", "a container with the protection label is never restarted"]],
      },
      {
        id: "R3",
        claim: "Twenty calls at once are one restart, and the record equals the engine's events.",
        tests: [
          ["integration/restart-process.test.ts", "20 calls at once are answered with one restart"],
          ["integration/restart-oracle.test.ts", "the record's `ok` entries equal the engine's restart events"],
        ],
      },
      {
        id: "R4",
        claim: "A key runs once, also over a restart of the gateway.",
        tests: [
          ["integration/restart-key.test.ts", "a key gets its answer after a gateway restart, without a second run"],
        ],
      },
      {
        id: "R5",
        claim: "A restart goes on when its client leaves, is finished at a stop, and is settled after a kill.",
        tests: [
          ["integration/restart-process.test.ts", "a recorded restart continues when the client leaves"],
          ["integration/restart-process.test.ts", "a restart that runs at %s is finished with its outcome"],
          ["integration/restart-process.test.ts", "a restart open after SIGKILL is settled at the next start"],
        ],
      },
      {
        id: "R6",
        claim: "A call that restarts is never repeated, and restarts alone use the control address.",
        tests: [
          ["containers/docker/http/client.test.ts", "is never repeated if it restarts"],
          ["integration/docker-control.test.ts", "restarts use the control address, and nothing else does"],
        ],
      },
      {
        id: "R7",
        claim: "Jobs are changed only with a second role; the read-only one changes nothing.",
        tests: [
          ["integration/job-control.test.ts", "change nothing with the read-only role"],
          ["config/config.test.ts", "allows changes of jobs only with a role for them"],
        ],
      },
      {
        id: "R8",
        claim:
          "Of several gateways one restarts a container, and any schedule of deaths, pauses and cuts leaves one record.",
        tests: [
          ["integration/ledger-postgres.test.ts", "of two gateways one restarts a container, and both have one chain"],
          ["integration/ledger-schedules.test.ts", "any schedule of requests, deaths, pauses and cuts has one record"],
        ],
      },
      {
        id: "R9",
        claim: "Texts that agents read stay inside their fence, and no tool takes an address.",
        tests: [
          ["mcp/fence.test.ts", "is closed by no text at all"],
          ["mcp/tools.test.ts", "that tries to be instructions stays inside its fence (%#)"],
          ["mcp/schema.test.ts", "no tool takes an address"],
        ],
        except: "A model may follow instructions inside the fence.",
      },
      {
        id: "R10",
        claim: "The door for agents is closed unless it is switched on.",
        tests: [
          ["mcp/handler.test.ts", "is not there unless it is on"],
          ["config/config.test.ts", "the actions of agents need the door of agents"],
        ],
      },
      {
        id: "R11",
        claim: "The shipped balancer sends an action to one gateway, once, also where it is asked for by GET.",
        tests: [["integration/replicas-retries.test.ts", "%s %s is sent to one gateway, once"]],
      },
      {
        id: "R12",
        claim: "Whatever part of the demo fails or hangs, it ends, and leaves no process.",
        tests: [
          ["script/sandbox-ends.test.ts", "ends with 1 and the reason, and leaves no process, if %s"],
          ["script/sandbox-ends.test.ts", "leaves no process of parts that hang at %s"],
          ["script/setup-ends.test.ts", "the set-up and npm end with a caller that gets %s"],
        ],
        except:
          "The folder, the mounts and the bridge of a private dockerd stay after SIGKILL. apt-get finishes what it has begun to install.",
      },
    ],
  },
  {
    title: "The record, logs and texts of others",
    claims: [
      {
        id: "U1",
        claim: "Without a record there is no action; reading goes on.",
        tests: [
          ["integration/restart-process.test.ts", "a full disk of the record stops restarts, not reads"],
          ["queues/jobs/operations.test.ts", "does not run, and uses no budget, without a record"],
          ["containers/health-probes.test.ts", "does not run where it cannot be recorded"],
        ],
      },
      {
        id: "U2",
        claim:
          "An entry that was changed, moved or cut, one that is missing before another, and a forged one that does not fit in hash and time are named.",
        tests: [
          ["audit/file/verify.test.ts", "names the entry in which a byte was changed"],
          ["audit/file/verify.test.ts", "names a deleted, swapped or truncated line at any place"],
          ["audit/file/verify.test.ts", "names an entry that was forged together with its hash"],
          ["audit/times.test.ts", "of honest clocks are good, and of a forged entry are not"],
          ["audit/times.test.ts", "of honest lines do not fail their verifier, and a forged line does"],
          ["integration/ledger-postgres.test.ts", "a changed row, a missing one and a foreign text are found"],
        ],
        except:
          "Who can write the record can append entries that fit: they stay in it and are seen. Who replaces all of it, or its end, is found by anchors alone. A clock that went back by at most 10 minutes is no fault, and a step of more than a day ago is a note.",
      },
      {
        id: "U3",
        claim: "The record's file is private, and its partial line of a crash is closed before the next entry.",
        tests: [
          ["audit/file/file.test.ts", "creates the file at the first write, private, one entry a line"],
          ["audit/file/file.test.ts", "closes the partial line of a crash before its own entry"],
        ],
      },
      {
        id: "U4",
        claim:
          "The record's newest entries cannot vanish unseen: a missing head fails, and a head noted outside is compared.",
        tests: [
          ["integration/ledger-postgres.test.ts", "a missing head is found in an empty record too, and stops actions"],
          [
            "integration/ledger-postgres.test.ts",
            "newest entries that went with their head: an anchor and a gateway know",
          ],
          ["cli/audit.test.ts", "a head that was noted outside is in the chain, or it exits 1"],
          ["audit/anchor-writer.test.ts", "a head is appended to a private file, the last one at the end"],
          ["audit/anchor-writer.test.ts", "a record %s is logged at the start: %j"],
          ["audit/anchor-writer.test.ts", "a URL that hangs: the gateway ends, and its log has the last head"],
          ["cli/audit.test.ts", "a last line of the heads that is cut is not passed over"],
          ["cli/audit.test.ts", "a part says how many heads it could not be compared with"],
          ["integration/ledger-postgres.test.ts", "the command names a part of the record, and a cut file of heads"],
        ],
        except: "The file of one gateway has no head: its newest lines are compared with anchors alone.",
      },
      {
        id: "U5",
        claim:
          "Budgets and cooldowns come from the hashed lines: an edited row is found, and refuses actions or limits nothing.",
        tests: [
          ["integration/ledger-postgres.test.ts", "each column is as the lines say, or limits nothing"],
          ["integration/ledger-postgres.test.ts", "a row %i that is outside of the chain is found, and unused"],
          ["integration/ledger-postgres.test.ts", "a cooldown of %s in no line is found: %s"],
          ["integration/ledger-postgres.test.ts", "a limit is read from the hashed lines: set %s refuses actions"],
          ["integration/ledger-postgres.test.ts", "entries of the hour that are gone refuse actions: the %s ones"],
        ],
        except: "A column of an open action or of a key that is changed and put back between two checks.",
      },
      {
        id: "U6",
        claim: "A row of the shared timeline that cannot be read is left out; the others are shared.",
        tests: [["integration/shared-postgres.test.ts", "a bad row is left out and named once; the others are shared"]],
      },
      {
        id: "U7",
        claim:
          "Limits outlive a rotation. Rotated files are read, also with gzip. A missing file is logged. So is one that cannot be read, and if that one may have the newest entries, or those of the last hour, no action begins.",
        tests: [
          ["audit/file/parts.test.ts", "keeps cooldowns, the budget and the chain: %s"],
          ["audit/file/parts.test.ts", "refuses actions while it may have the newest entries: %s"],
          ["audit/file/parts.test.ts", "refuses actions while it may have entries of the last hour"],
          ["audit/file/parts.test.ts", "refuse actions beside an old copy where they may be newer: %s"],
          ["audit/file/parts.test.ts", "refuse actions in the place of the record: %s"],
          ["audit/file/parts.test.ts", "refuse actions where the file that is written is %s"],
          ["audit/file/parts.test.ts", "are named at the start where they limit nothing"],
          ["audit/file/parts.test.ts", "is said in the log and by a verification: %s"],
        ],
        except:
          "When all files of the record are gone, only AUDIT_ANCHOR with a file says so at the start. When a file beside an old copy was written is known by its modification time alone. A missing part, and lines that are no entries, are a warning: what they had limits nothing.",
      },
      {
        id: "U8",
        claim:
          "No copy, extract or other record that can be read beside the file forks the chain or changes a limit; a contradiction stops actions at the start.",
        tests: [
          ["audit/file/parts-property.test.ts", "neither fork its chain nor change a limit, whatever is done"],
          ["audit/file/parts-property.test.ts", "are of it by a name of a rotation alone: %s"],
          ["audit/file/parts-property.test.ts", "refuses actions, and fails verification, where it %s"],
        ],
        except:
          "Where the file itself is gone, a rotated file of another record that begins later is taken for the newest part. An old copy in the place of the file, without the files after it beside it, is found by anchors alone.",
      },
      {
        id: "U9",
        claim:
          "No entry that is appended, and none that is edited, hides an entry of the hour from the limits: a time that steps back or is still to come, and a hash that does not fit, refuse actions.",
        tests: [
          ["integration/ledger-postgres.test.ts", "a forged entry that fits the chain refills nothing: %s"],
          ["integration/ledger-postgres.test.ts", "an entry of 2099 gives its time to no other one"],
          ["integration/ledger-postgres.test.ts", "a clock that is behind goes on at the time of the newest entry"],
          [
            "integration/ledger-postgres.test.ts",
            "a record whose clock went back by nine minutes limits as its times say",
          ],
          ["audit/file/parts.test.ts", "refuse actions: %s"],
          ["audit/file/parts.test.ts", "limits as its times say, and refuses what is forged behind it"],
          ["audit/file/parts.test.ts", "or forged with a time that hides others, refuse actions: %s"],
        ],
        except:
          "In PostgreSQL, who also changes the times of the rows before it is found by `audit verify` alone. Of a file the newest 10,000 entries are read, and more only to the first that is older than an hour and 10 minutes.",
      },
      {
        id: "L1",
        claim: "Log lines have no control sequence, and cleaning takes linear time.",
        tests: [
          ["lib/redact/sanitize-table.test.ts", "only printable characters and TAB are left, and a second run is idle"],
          ["integration/docker-logs-search.test.ts", "secrets and control sequences are in no answer, nor searchable"],
        ],
      },
      {
        id: "L2",
        claim: "A secret is redacted wherever it is divided or cut, before any search.",
        tests: [
          [
            "containers/docker/logs/window-secrets.test.ts",
            "a secret is hidden wherever it is divided, before any search",
          ],
          ["containers/docker/logs/window-secrets.test.ts", "half a secret at the end of a cut line is redacted too"],
          ["integration/own-secrets.test.ts", "the gateway's own secrets are redacted in logs, also across chunks"],
        ],
        except: "Redaction is best effort: a secret in a form of its own is not recognised.",
      },
      {
        id: "L3",
        claim: "No secret is in the gateway's own log, nor in a message about its configuration.",
        tests: [
          ["http/server-log.test.ts", "no secret is logged: header, query or a token in the path"],
          ["config/config.test.ts", "lists every mistake at once and no secret"],
          ["integration/log-bodies.test.ts", "bodies of failed answers are in no log line and no answer: %s"],
        ],
      },
      {
        id: "L4",
        claim: "Names that others chose leave every surface without control, bidirectional and invisible characters.",
        tests: [
          ["gateway/hostile-names.test.ts", "names that others chose leave every surface as plain text"],
          ["queues/jobs/names.test.ts", "leave it without an unsafe character, and lead back to their job"],
          ["gateway/hostile-names.test.ts", "an error that quotes such a name is plain text"],
          ["lib/redact/names.test.ts", "has no unsafe character, and leads back to the name"],
        ],
        except: "Look-alike letters of other scripts are shown as they are.",
      },
      {
        id: "L5",
        claim: "A shown name finds what it names and nothing else: no two names have one form.",
        tests: [
          ["lib/redact/names.test.ts", "is never that of another name"],
          ["queues/jobs/names.test.ts", "are those of one queue alone, however alike two are"],
        ],
      },
    ],
  },
  {
    title: "Upstreams and what is shipped",
    claims: [
      {
        id: "D1",
        claim: "The socket proxy lets through what the gateway reads, and a refusal is named as one.",
        tests: [
          ["integration/compose.test.ts", "allows no other method"],
          [
            "containers/docker/source-hostile.test.ts",
            "a socket proxy that answers %i is forbidden, its HTML not passed on",
          ],
        ],
      },
      {
        id: "D2",
        claim: "An engine's answer that is too large, no JSON, or a redirect is an error and hides no other container.",
        tests: [
          [
            "containers/docker/source-hostile.test.ts",
            "an answer that is no JSON, no list or too large is docker_error",
          ],
          ["containers/docker/source-hostile.test.ts", "redirects are not followed"],
          ["containers/docker/source-hostile.test.ts", "malformed containers do not hide the others"],
        ],
      },
      {
        id: "D3",
        claim: "The shipped role of PostgreSQL reads every job system and writes nothing; hostile names are values.",
        tests: [
          ["integration/queues-role.test.ts", "the shipped role can read every job system, and write nothing"],
          ["integration/queues-role.test.ts", "names that need quotes work, and hostile values are values"],
        ],
      },
      {
        id: "D4",
        claim: "An engine over TCP is used only with a certificate that fits its name and authority.",
        tests: [
          ["integration/docker-tls.test.ts", "an engine with an unknown authority is not used"],
          ["integration/docker-tls.test.ts", "an engine with another name is not used"],
        ],
      },
      {
        id: "D5",
        claim: "The compose files run each service without rights that it does not need, on the loopback address.",
        tests: [
          ["integration/compose.test.ts", "runs %s without rights that it does not need"],
          ["integration/compose.test.ts", "gives %s no right that it does not need"],
          ["integration/compose.test.ts", "publishes ports on the loopback address alone, profiles included"],
          ["integration/compose.test.ts", "keeps secrets out of every environment"],
        ],
      },
    ],
  },
  {
    title: "Faults",
    claims: [
      {
        id: "F1",
        claim:
          "A restarted, hanging or forbidden engine is an error with its reason, and is used again once it answers.",
        tests: [
          ["integration/docker-faults.test.ts", "an engine is stopped and started again under the source"],
          ["integration/docker-faults.test.ts", "an engine that hangs times out, becomes stale and hides nothing else"],
          ["integration/docker-faults.test.ts", "missing permission for the socket differs from a missing engine"],
        ],
      },
      {
        id: "F2",
        claim: "An engine that dies during a restart leaves an unknown outcome, never none.",
        tests: [["integration/docker-faults.test.ts", "an engine killed during a restart leaves the outcome unknown"]],
      },
      {
        id: "F9",
        claim: "A flood of events changes neither memory nor results.",
        tests: [["gateway/event-flood.test.ts", "F9: 100,000 events at once change neither memory nor results"]],
      },
      {
        id: "F10",
        claim: "PostgreSQL's restart, failover and exhaustion are reported and recovered from.",
        tests: [
          ["integration/queues-outage.test.ts", "a restart is survived, an outage reported and recovered from"],
          ["integration/queues-outage.test.ts", "an exhausted server is reported as such"],
          ["integration/queues-failover.test.ts", "F10: a hot standby is read, and its successor after a failover"],
        ],
      },
      {
        id: "F11",
        claim: "A lock of a migration is reported in about a second and nothing is changed.",
        tests: [["integration/job-control.test.ts", "report a migration's lock in about a second and change nothing"]],
      },
      {
        id: "F15",
        claim: "Prometheus that hangs, stops or has no hosts is an error in time, and answers again later.",
        tests: [
          [
            "integration/prometheus-faults.test.ts",
            "Prometheus frozen: prometheus_unavailable in time; thawed: answers",
          ],
          [
            "integration/prometheus-faults.test.ts",
            "Prometheus stopped: prometheus_unavailable at once; started: answers",
          ],
          [
            "prometheus/report-property.test.ts",
            "any vector is a valid report or prometheus_unavailable, in any order",
          ],
        ],
      },
      {
        id: "F18",
        claim: "A half-written deploy_info.json is never shown; the last good one is, marked as stale.",
        tests: [
          ["integration/deploy-info.test.ts", "a slow truncating writer is never read half-way; old data is stale"],
          ["integration/deploy-info.test.ts", "a renaming writer never shows: every answer is whole and fresh"],
        ],
      },
      {
        id: "F22",
        claim: "At a stop requests in flight finish, streams end with the reason, and readiness is 503 at once.",
        tests: [
          ["http/server-drain.test.ts", "requests in flight finish, then the connection closes"],
          ["http/server-drain.test.ts", "readyz is 503 at once, also on an open connection"],
          ["http/streams.test.ts", "at shutdown each stream gets the reason and ends at once"],
          ["http/server-drain.test.ts", "what comes on new connections during a drain is refused"],
          ["integration/stop-process.test.ts", "a gateway ends right after the word stopped"],
          ["integration/stop-process.test.ts", "a fleet ends right after the word stopped"],
          ["integration/stop-process.test.ts", "a restart that lasts longer is answered, and recorded"],
        ],
      },
      {
        id: "F23",
        claim: "Beyond the limit requests wait shortly, then are refused with 503; health answers.",
        tests: [["http/server-drain.test.ts", "beyond the limit: a short wait, then 503 overloaded; health answers"]],
      },
      {
        id: "F24",
        claim:
          "A gateway that is paused or cut off holds its clients for seconds, and a vanished client its streams for a minute.",
        tests: [
          ["integration/replicas-balancer.test.ts", "readers of a gateway that is %s go on within 15 s"],
          ["integration/lost-paths.test.ts", "is closed by the gateway, and its place is free again"],
          ["integration/lost-paths.test.ts", "is noticed by its client"],
        ],
        except: "Without a balancer a client notices after 37.5 s. Systems other than Linux notice no vanished client.",
      },
      {
        id: "F27",
        claim:
          "The record says of a restart what its engine did, whatever the engine's name is in another gateway and whatever the clocks of the gateways say.",
        tests: [
          ["integration/restart-engines.test.ts", "a restart is settled by who has its engine, under any name"],
          ["integration/restart-engines.test.ts", "a restart of an engine that nobody knows stays unknown"],
          ["integration/restart-engines.test.ts", "a gateway's clock of %s s takes no other restart for its own"],
          ["integration/restart-engines.test.ts", "a restart after the time of its mark is somebody else's"],
        ],
      },
      {
        id: "F26",
        claim: "Fetched keys stay valid while the issuer is down; static tokens do not need it.",
        tests: [
          ["auth/jwt.test.ts", "fetched keys stay valid when the issuer goes down"],
          ["auth/authenticator.test.ts", "the plain token is checked first, also when it looks like a JWT"],
        ],
      },
    ],
  },
];

/** What the requirements ask for and no test shows, with the reason. */
export const notCovered: readonly (readonly [requirement: string, reason: string])[] = [
  [
    "Comparing a token takes the same time for every mistake",
    "A statistical test of times fails at random on a shared machine.",
  ],
  ["TLS of the gateway itself", "It serves HTTP; a proxy in front of it terminates TLS."],
  ["Persisted operations only", "Not built: limits and budgets bound every document."],
  [
    "A clock that jumps while the gateway runs",
    "Durations use the monotonic clock; tests give a gateway a wrong clock (F27), but do not set it in between.",
  ],
  [
    "Files in exotic places: FIFO, /dev/zero, a hanging NFS, as deploy_info.json",
    "Tested with files and directories; a file system that hangs is not.",
  ],
  [
    "Supply chain: signed images, provenance",
    "Nothing is published yet; the lock file and exact versions are what protects.",
  ],
  [
    "A region of a fleet that lies",
    "A fleet trusts the answers of its regions; only their size, form and error texts are checked.",
  ],
  [
    "Rows of the shared database that somebody else wrote",
    "Its owner is trusted; `audit verify` finds changed entries of the record alone.",
  ],
];
