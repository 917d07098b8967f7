---@meta
-- What scenarios can use, for editors with a Lua language server. The manual is docs/scenarios.md.

---@alias Duration string|number "250ms", "5s", "2m", "1h30m", or seconds
---@alias Content string|userdata a text, or what t:file() gives
---@alias Filter table each key must be there with that value, matcher or consenting function

---@class ScenarioFields
---@field [1] string what must be true
---@field run fun(t: T)
---@field timeout? Duration
---@field virtual_only? string why it makes no sense in real time
---@field view_differs? string why the server does not know its printers as they are when this is over

---@class CheckFields: ScenarioFields
---@field side? "printer"|"server"|"tool"
---@field kind? "contract"|"fidelity"|"quirk"
---@field subject? string
---@field dialect? "sdk"|"buddy" of the printers that it is about
---@field passive? boolean only watches

---@param name string
---@return fun(fields: ScenarioFields)
function scenario(name) end

---@param id string
---@return fun(fields: CheckFields)
function check(id) end

---@param path string below the scenario's folder
---@return any
function include(path) end

any = {}
absent = {}
null = {}
---@param pattern string
function like(pattern) end
---@param bound number
function above(bound) end
---@param bound number
function below(bound) end
---@param low number
---@param high number
function between(low, high) end
---@param values any[]
function one_of(values) end
---@param name string
function type_of(name) end
---@param other any
function different(other) end
---@param list table
---@return table
function array(list) end

json = {}
---@return string
function json.encode(value) end
---@param text string
function json.decode(text) end

---@class Event: table
---@field at number
---@field headers table<string, string>
---@field event string
---@field source string
---@field data table
---@field state string
---@field command_id? integer
---@field job_id? integer
---@field reason? string

---@class Reply
---@field status? integer
---@field headers? table<string, string|false>
---@field body? string
---@field json? any
---@field delay? Duration
---@field raw? string
---@field after? "keep"|"close"|"reset"|"stall"
---@field cut? integer
---@field copies? integer
---@field piece? integer
---@field gap? Duration
---@field ignore? boolean
---@field hold? boolean

---@class Request
---@field at number
---@field replied_at? number
---@field connection integer
---@field method string
---@field path string
---@field headers table<string, string>
---@field head string
---@field body string
---@field json any
---@field status? integer
---@field reply? Reply

---@class Message: Request
---@field point string
---@field printer? Printer
---@field command? Command

---@class Storage
---@field name string
---@field kind? "local"|"sdcard"|"usb"
---@field total? integer
---@field free? integer
---@field read_only? boolean
---@field directory? string

---@class PrinterOptions
---@field name? string
---@field serial? string
---@field firmware? string
---@field host? "prusalink"|"sdk"
---@field version? "0.7.1"|"0.8.0"|"0.8.1"
---@field websocket? boolean
---@field registered? boolean
---@field boot? boolean
---@field ini? string
---@field files? table<string, Content>
---@field storages? Storage[]
---@field quirks? boolean|table<string, boolean>
---@field room? number
---@field job_counter? integer
---@field connect? boolean false: it does not speak Connect
---@field cameras? { name: string, scheme?: string, width?: integer, height?: integer, rotation?: integer, id?: string, token?: string }[]
---@field register_cameras? boolean
---@field spoil? string[]

---@class LinkOptions
---@field user? string
---@field password? string
---@field api_key? string
---@field hostname? string
---@field upload_speed? number|"board"|"ethernet"|"wifi" bytes a second, or what the real board of the model does
---@field quirks? boolean
---@field misbehave? string[]

---@class LinkResult
---@field outcome string
---@field status integer 0: there was no reply
---@field why string
---@field title string
---@field text string
---@field json? any
---@field body string
---@field head string
---@field attempts integer
---@field stored boolean

---@class Link
local Link = {}
---@return LinkResult
function Link:version() end
---@return LinkResult
function Link:storages() end
---@return LinkResult
function Link:status() end
---@return LinkResult
function Link:job() end
---@return LinkResult
function Link:transfer() end
---@return LinkResult
function Link:follow() end
---@param path string
---@return LinkResult
function Link:list(path) end
---@param path string
---@return LinkResult
function Link:exists(path) end
---@param path string
---@return LinkResult
function Link:make_folder(path) end
---@param path string
---@return LinkResult
function Link:print(path) end
---@param path string
---@param options? {force: boolean}
---@return LinkResult
function Link:remove(path, options) end
---@param path string
---@param content Content
---@param options? {overwrite?: boolean, print?: boolean, content_type?: string}
---@return LinkResult
function Link:upload(path, content, options) end
---@param ref string
---@return LinkResult
function Link:download(ref) end
---@param job integer
---@return LinkResult
function Link:pause(job) end
---@param job integer
---@return LinkResult
function Link:resume(job) end
---@param job integer
---@return LinkResult
function Link:stop(job) end
---@param method string
---@param target string
---@param options? {body?: string, bare?: boolean}
---@return LinkResult
function Link:send(method, target, options) end

---@class Printer
---@field name string
---@field model string
---@field type? string
---@field serial string
---@field fingerprint string
---@field token? string
---@field server string
local Printer = {}
---@param options? LinkOptions
---@return Link
function Printer:link(options) end
---@param options? LinkOptions
---@return {url: string, host: string, port: integer, user: string, password: string, api_key?: string, dialect: string}
function Printer:serve_link(options) end
function Printer:stop_link() end
---@return string
function Printer:state() end
---@return table
function Printer:readings() end
---@return table
function Printer:telemetry() end
---@param state string
---@param duration? Duration
function Printer:wait_state(state, duration) end
function Printer:register() end
---@param path string
function Printer:start_print(path) end
function Printer:pause() end
function Printer:resume() end
function Printer:stop() end
---@param ready? boolean
function Printer:set_ready(ready) end
function Printer:confirm() end
---what somebody says to its screen: "continue", "stop", "yes", "no", "retry", "purge-more", "resume", "pause", "disable-sensor"
---@param answer string
function Printer:answer(answer) end
---what a printer with a screen asks on it, or "none"
---@return string
function Printer:prompt() end
---@param url? string
---@param token? string
function Printer:set_server(url, token) end
---@param material string
---@param slot? integer from 1
function Printer:load_filament(material, slot) end
---of a resin printer; readings().resin says what it shows
---@param closed boolean
function Printer:set_cover(closed) end
---@param inserted boolean
function Printer:set_tank(inserted) end
---so much is in its tank now
---@param ml number
function Printer:set_resin(ml) end
---the tank was filled in FEED_ME and the printer is told so
function Printer:refill() end
---@param calibrated boolean
function Printer:set_calibrated(calibrated) end
---open a project without printing it; proceed() confirms
---@param path string
function Printer:open_project(path) end
---"continue" of a host: confirms a project, poured resin, a warning, a fed tank
function Printer:proceed() end
---@param percent integer
function Printer:set_speed(percent) end
---@param percent integer
function Printer:set_flow(percent) end
function Printer:reset() end
function Printer:power_on() end
function Printer:power_off() end
---@param path string
---@return string?
function Printer:file_content(path) end
---@return table<string, "UNKNOWN"|"OK"|"NOK">
function Printer:conditions() end
---@param name string
function Printer:register_camera(name) end
---@param name string
function Printer:snapshot(name) end
---@param name string
---@param scheme string
function Printer:camera_scheme(name, scheme) end
---@param name string
---@return string?
function Printer:camera_token(name) end
---@param name string
---@param on? boolean
function Printer:fault(name, on) end
---@param path string
---@param content Content
function Printer:put_file(path, content) end
---@param path string
function Printer:make_folder(path) end
---@param path string
---@param options? {tree: boolean}
function Printer:remove(path, options) end
---@param from string
---@param to string
function Printer:move(from, to) end
---@param storage Storage
function Printer:attach(storage) end
---@param name string
function Printer:detach(name) end
---@param path? string
---@return table[]?
function Printer:files(path) end
---@param duration Duration
---@param back? boolean
function Printer:clock_jump(duration, back) end
---@param seconds number how far the clock by which it dates files is ahead of ours
function Printer:set_clock(seconds) end
---@param from? integer
---@return table[] requests to its PrusaLink: at, ended?, connection, method, target, headers, body_bytes, status, gone
function Printer:requests_of_link(from) end

---@class Command
---@field id integer
---@field name string
---@field printer Printer
local Command = {}
---@return "pending"|"delivered"|"accepted"|"finished"|"failed"|"rejected"|"lost"
function Command:status() end
---@return Event[]
function Command:answers() end
---@param event string
---@return Event?
function Command:answer(event) end
function Command:deliver_again() end
function Command:give_up() end

---@class Secret a file encrypted for one transfer
---@field key string
---@field iv string
---@field orig_size integer

---@class ServedFile
---@field hash string
---@field team_id integer
---@field url string
---@field foreign_url string
---@field path string
---@field size integer
---@field sha256 string
---@field requests integer
---@field served integer

---@param content any a text, or t:file(path)
---@param options? table
---@return ServedFile
function Connect:serve(content, options) end
---@param file ServedFile
---@return ServedFile
function Connect:served(file) end
---@param printer Printer
---@param file ServedFile
---@param path string
---@param options? { by_url?: boolean, printing?: boolean, encrypted?: boolean, inline?: boolean, port?: integer, orig_size?: integer, secret?: Secret }
---@return Command
function Connect:download(printer, file, path, options) end
---@param file ServedFile
---@param options? { printer?: Printer, key?: string, iv?: string } 32 hex digits each
---@return Secret
function Connect:encrypt(file, options) end
---@param secret Secret
---@return { requests: integer, sent: integer, spoilt: boolean, whole: boolean }
function Connect:encrypted(secret) end
---@param printer Printer
---@param file_id integer
---@param bytes string
---@return boolean
function Connect:send_data(printer, file_id, bytes) end
---@param printer Printer
---@return table[]
function Connect:cameras(printer) end
---@param fingerprint string
---@return boolean
function Connect:revoke_camera(fingerprint) end

---@class Connect
---@field auto_add boolean
local Connect = {}
---@param printer Printer
---@param name string
---@param kwargs? table
---@return Command
function Connect:command(printer, name, kwargs) end
---@param printer Printer
---@param text string
---@param options? {force: boolean}
---@return Command
function Connect:gcode(printer, text, options) end
---@param printer Printer
---@param options {name?: string, content_type?: string|false, body?: string}
---@return Command
function Connect:raw(printer, options) end
---A frame in the printer's WebSocket beside the commands, or bytes that need be none.
---@param printer Printer
---@param frame { opcode?: "continuation"|"text"|"binary"|"close"|"ping"|"pong", text?: string, fin?: boolean, rsv?: integer, masked?: boolean }|{ raw: string }
function Connect:frame(printer, frame) end
---@param printer Printer
---@param code? integer
---@param reason? string
function Connect:close_socket(printer, code, reason) end
---@param printer Printer
---@param reply Reply
function Connect:reply_next(printer, reply) end
---@param point "register"|"poll"|"telemetry"|"event"|"probe"|"other"|"file"|"camera"|"snapshot"|"socket"|"delivery"|"reply"
---@param filter {printer?: Printer, event?: string, times?: integer}|fun(message: Message): Reply?
---@param hook? fun(message: Message): Reply?
---@return {off: fun()}
function Connect:on(point, filter, hook) end
---@param name string
---@param argument? any
---@param options? {times?: integer, percent?: number, printer?: Printer}
function Connect:misbehave(name, argument, options) end
---@param name? string
---@param printer? Printer
function Connect:behave(name, printer) end
---@param printer Printer
---@param options? {files: boolean}
---@return table
function Connect:view(printer, options) end
---@param printer Printer
---@param filter? Filter
---@return Event[]
function Connect:events(printer, filter) end
---@param printer Printer
---@param filter? Filter
---@return Request[]
function Connect:requests(printer, filter) end
---@param printer Printer
function Connect:add(printer) end
---@param printer Printer
function Connect:revoke(printer) end
function Connect:down() end
function Connect:up() end

---@class Waiting
local Waiting = {}
---@param duration Duration
---@return any
function Waiting:within(duration) end

---@class Never
local Never = {}
---@param duration Duration
function Never:during(duration) end

---@class Expectation
local Expectation = {}
---@return Waiting
function Expectation:state(...) end
---@return Waiting
function Expectation:telemetry(filter) end
---@return Waiting
function Expectation:event(filter) end
---@return Waiting
function Expectation:request(filter) end
---@return Waiting
function Expectation:answered(event, filter) end
---@return Waiting
function Expectation:accepted() end
---@return Waiting
function Expectation:finished(filter) end
---@return Waiting
function Expectation:rejected(reason) end
---@return Waiting
function Expectation:failed(pattern) end
---@return Waiting
function Expectation:delivered() end
---@return Waiting
function Expectation:ended() end
---@return Waiting
function Expectation:equals(value) end
---@return Waiting
function Expectation:differs(value) end
---@return Waiting
function Expectation:matches(pattern) end
---@return Waiting
function Expectation:contains(value) end
---@return Waiting
function Expectation:has(key) end
---@return Waiting
function Expectation:lacks(key) end
---@return Waiting
function Expectation:is_a(kind) end
---@return Waiting
function Expectation:is_true() end
---@return Waiting
function Expectation:is_false() end
---@return Waiting
function Expectation:is_nil() end
---@return Waiting
function Expectation:above(bound) end
---@return Waiting
function Expectation:below(bound) end
---@return Waiting
function Expectation:at_least(bound) end
---@return Waiting
function Expectation:at_most(bound) end
---@return Waiting
function Expectation:near(value, tolerance) end
---@return Waiting
function Expectation:one_of(values) end
---@return Waiting
function Expectation:satisfies(filter) end

---@class T
---@field connect Connect
---@field virtual boolean
---@field outside {printer: boolean, connect: boolean}
local T = {}
---@param options {url: string, user?: string, password?: string, api_key?: string}
---@return Link
function T:link(options) end
---@param place {host: string, port: integer, tls?: boolean}
function T:wire(place) end
---@return number
function T:now() end
---@param duration Duration
function T:wait(duration) end
---@param condition fun(): any
---@param duration? Duration
function T:wait_until(condition, duration) end
---@param model string
---@param options? PrinterOptions
---@return Printer
function T:printer(model, options) end
---@param path string
---@return userdata
function T:file(path) end

---a file that the command line gives: --give name=PATH; nil when it does not
---@param name string
---@return Content?
function T:given(name) end
---@param subject any
---@param name? string
---@return Expectation
function T:expect(subject, name) end
---What our server believes of the printer, from its messages alone, is what it is.
---@param printer Printer
---@return Waiting
function T:expect_view(printer) end
---@param printer Printer
---@param filter? Filter
---@return Waiting
function T:expect_event(printer, filter) end
---@param printer Printer
---@param filter? Filter
---@return Waiting
function T:expect_request(printer, filter) end
---@param printer Printer
---@param filter? Filter
---@return Never
function T:never(printer, filter) end
---@param printer Printer
---@param filter? Filter
---@return Never
function T:never_request(printer, filter) end
---@param printer Printer
---@param at number
---@param filter? Filter
---@return Event[]
function T:events_since(printer, at, filter) end
---@param id string
---@param options? {exercised?: "skip"|"fail", times?: integer}
---@return integer
function T:held(id, options) end
---@param id string
---@return { exercised: integer, violated: integer }
function T:judged(id) end
---@param printer Printer
---@return string path
function T:printable(printer) end
function T:fail(text, ...) end
function T:skip(reason, ...) end
function T:note(text, ...) end
