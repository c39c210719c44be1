// Light or dark: as the system has it, until the reader says otherwise.
const systemDark = matchMedia("(prefers-color-scheme: dark)");
const THEMES = ["auto", "light", "dark"];
const THEME_SIGNS = { auto: "◐ auto", light: "○ light", dark: "● dark" };

function themeChoice() {
  try {
    return localStorage.getItem("study-theme") || "auto";
  } catch {
    return state.themeChoice || "auto";
  }
}

function applyTheme(choice) {
  const theme = choice === "auto" ? (systemDark.matches ? "dark" : "light") : choice;
  document.documentElement.dataset.theme = theme;
  const button = document.getElementById("theme");
  button.textContent = THEME_SIGNS[choice];
  button.setAttribute("aria-label", `Theme: ${choice}`);
  change({ theme, themeChoice: choice });
}

document.getElementById("theme").addEventListener("click", () => {
  const next = THEMES[(THEMES.indexOf(themeChoice()) + 1) % THEMES.length];
  try {
    localStorage.setItem("study-theme", next);
  } catch {
    // Not kept then: the choice lasts as long as the page is open.
  }
  applyTheme(next);
});
systemDark.addEventListener("change", () => applyTheme(themeChoice()));
applyTheme(themeChoice());

const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const colourOf = (index) => study.series[index].colour[state.theme];
