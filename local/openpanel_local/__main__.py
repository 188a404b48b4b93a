"""`python -m openpanel_local` is `openpanel`."""

from openpanel_local.main import main

if __name__ == "__main__":
    main()
