import "../scripts/form";
