// The console's one script. Every page works without it, but for the live feed, which is one.
"use strict";

// Light or dark: the system's choice, until the switch says otherwise.
const root = document.documentElement;
const kept = localStorage.getItem("sudor-theme");
if (kept === "light" || kept === "dark") root.dataset.theme = kept;
for (const button of document.querySelectorAll("[data-theme-switch]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    localStorage.setItem("sudor-theme", root.dataset.theme);
  });
}

// A tip is closed by Escape, as keyboards expect.
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && document.activeElement) document.activeElement.blur();
});

// Figures that are asked for again, as long as somebody looks at them.
for (const part of document.querySelectorAll("[data-refresh]")) {
  const again = async () => {
    if (document.visibilityState !== "visible") return;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("[data-refresh]");
      if (fresh && !part.contains(document.activeElement)) part.replaceChildren(...fresh.childNodes);
    } catch {
      // The service is away; the next turn asks again.
    }
  };
  setInterval(again, Number(part.dataset.refresh) * 1000);
}

// The live feed.
const NAMES = {
  SessionRevised: "workout", SessionRetracted: "workout withdrawn",
  NightRevised: "night", NightRetracted: "night withdrawn",
  SweatLossEstimated: "loss", SweatLossRetracted: "loss withdrawn",
  SweatProfileRevised: "profile",
  RecommendationIssued: "advice", RecommendationSuperseded: "advice replaced",
  RecommendationCancelled: "advice withdrawn", RecommendationExpired: "advice over",
  SafetyHoldRaised: "safety hold", SafetyHoldReleased: "safety hold over",
};
const SHOWN_MAX = 200;

function words(name, data) {
  const litres = (interval) => `${(interval.median / 1000).toFixed(1)} L (${(interval.lo90 / 1000).toFixed(1)} to ${(interval.hi90 / 1000).toFixed(1)})`;
  if (data.reason && data.status === "retracted") return String(data.reason).replaceAll("_", " ").toLowerCase();
  if (name.startsWith("Session")) {
    const km = data.distance_m == null ? "" : `, ${(data.distance_m / 1000).toFixed(1)} km`;
    return `${String(data.sport).replaceAll("_", " ")}${km}, told by ${data.members.length}`;
  }
  if (name.startsWith("Night")) return `${data.kind}, ${(data.asleep_s / 3600).toFixed(1)} h asleep`;
  if (name.startsWith("SweatLoss")) return `${litres(data.fluid_ml)}, by ${String(data.method).replaceAll("_", " ")}`;
  if (name.startsWith("SweatProfile")) return `multiplier ${data.sweat_rate_multiplier.median.toFixed(2)} after ${data.tests} tests`;
  if (data.needs && data.needs.fluid_ml) return `${data.phase}: ${data.needs.fluid_ml.target} mL`;
  return data.phase || "";
}

for (const feed of document.querySelectorAll("[data-live]")) {
  const status = document.querySelector("[data-live-status]");
  const source = new EventSource("/v1/stream?from=latest");
  source.onopen = () => { status.textContent = "Connected"; status.className = "status good"; };
  source.onerror = () => { status.textContent = "Connecting…"; status.className = "status"; };
  const add = (event) => {
    const data = JSON.parse(event.data);
    const item = document.createElement("li");
    const put = (tag, kind, text) => {
      const part = document.createElement(tag);
      part.className = kind;
      part.textContent = text;
      item.append(part);
      return part;
    };
    put("time", "when", new Date().toLocaleTimeString());
    const withdrawn = data.status === "retracted";
    put("span", withdrawn ? "badge bad" : "badge", NAMES[event.type] || event.type);
    put("a", "who", data.athlete_id).href = `/athletes/${encodeURIComponent(data.athlete_id)}`;
    put("span", "what", words(event.type, data));
    feed.prepend(item);
    while (feed.childElementCount > SHOWN_MAX) feed.lastElementChild.remove();
  };
  for (const name of Object.keys(NAMES)) source.addEventListener(name, add);
}
