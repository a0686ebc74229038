import { createEffect, createSignal, Show } from "solid-js";

import { api, done, Problem } from "../api/client";
import { login, loginDemo } from "../api/session";
import { route } from "../router";
import { text } from "../texts";

function Field(props: {
  label: string;
  name: string;
  type?: string;
  autocomplete: string;
  hint?: string;
  isWrong?: boolean;
  autofocus?: boolean;
}) {
  return (
    <label class="block">
      <span class="label">{props.label}</span>
      <input
        class="field h-10 text-sm"
        name={props.name}
        type={props.type ?? "text"}
        autocomplete={props.autocomplete}
        autocapitalize="none"
        spellcheck={false}
        required
        autofocus={props.autofocus}
        aria-invalid={props.isWrong}
      />
      <Show when={props.hint}>
        <span class="text-muted mt-1 block text-2xs">{props.hint}</span>
      </Show>
    </label>
  );
}

/** Login and registration. */
export default function Entrance() {
  const [message, setMessage] = createSignal<string | null>(null);
  const [wrong, setWrong] = createSignal<string | null>(null);
  const [isBusy, setBusy] = createSignal(false);
  const isRegistration = () => route() === "register";
  createEffect(() => {
    document.title = `${isRegistration() ? text.register : text.login} · ${text.product}`;
    setMessage(null);
    setWrong(null);
  });
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const [username, password] = [String(form.get("username")), String(form.get("password"))];
    setBusy(true);
    setMessage(null);
    setWrong(null);
    try {
      if (isRegistration()) {
        const body = { username, password, email: String(form.get("email")) };
        await done(api.POST("/api/v1/auth/register", { body }));
      }
      setMessage(await login(username, password));
    } catch (error) {
      setMessage((error as Error).message);
      setWrong(error instanceof Problem ? error.field : null);
    } finally {
      setBusy(false);
    }
  };
  const useDemo = async () => {
    setBusy(true);
    if (!(await loginDemo())) setMessage(text.noDemo);
    setBusy(false);
  };
  return (
    <div class="flex flex-1 items-start justify-center overflow-auto p-4 pt-[10vh]">
      <section class="panel w-full max-w-sm" aria-labelledby="entrance">
        <form class="flex flex-col gap-3.5 p-5" onSubmit={(event) => void submit(event)}>
          <h1 id="entrance" class="text-base font-semibold">
            {isRegistration() ? text.createAccount : text.login}
          </h1>
          <Show when={isRegistration()}>
            <p class="text-muted -mt-2 text-xs">{text.startingCash}</p>
            <Field label={text.email} name="email" type="email" autocomplete="email" isWrong={wrong() === "email"} autofocus />
          </Show>
          <Field
            label={isRegistration() ? text.username : text.usernameOrEmail}
            name="username"
            autocomplete="username"
            isWrong={wrong() === "username"}
            autofocus={!isRegistration()}
          />
          <Field
            label={text.password}
            name="password"
            type="password"
            autocomplete={isRegistration() ? "new-password" : "current-password"}
            hint={isRegistration() ? text.passwordHint : undefined}
            isWrong={wrong() === "password"}
          />
          <div aria-live="polite" class="min-h-4">
            <Show when={message()}>
              <p class="text-down text-xs" role="alert">
                {message()}
              </p>
            </Show>
          </div>
          <button class="button button-primary h-10 text-sm" disabled={isBusy()}>
            {isRegistration() ? text.createAccount : text.login}
          </button>
          <Show when={!isRegistration()}>
            <button type="button" class="button h-10" disabled={isBusy()} onClick={() => void useDemo()}>
              {text.useDemo}
            </button>
          </Show>
          <p class="text-muted text-xs">
            {isRegistration() ? text.haveAccount : text.noAccount}{" "}
            <a class="text-accent underline" href={isRegistration() ? "#/login" : "#/register"}>
              {isRegistration() ? text.login : text.createAccount}
            </a>
          </p>
        </form>
      </section>
    </div>
  );
}
